// SPDX-License-Identifier: Apache-2.0
#include <alloy/train/optimizer.hpp>

#include <torch/types.h>
#include <torch/utils.h>

#include <cmath>
#include <map>

namespace alloy {

void OptimizerOptions::validate() const {
  check<ConfigError>(weight_decay >= 0 && std::isfinite(weight_decay), "[Optimizer] expected weight_decay >= 0, got {}", {weight_decay});
  for (const auto& [name, value] : {std::pair{"beta1", beta1}, {"beta2", beta2}, {"momentum", momentum}})
    check<ConfigError>(value >= 0 && value < 1, "[Optimizer] expected {} in 0..1, got {}", {name, value});
  check<ConfigError>(eps > 0 && std::isfinite(eps), "[Optimizer] expected eps > 0, got {}", {eps});
  for (const auto& group : groups)
    check<ConfigError>(group.learning_rate_factor >= 0 && std::isfinite(group.learning_rate_factor) && (group.weight_decay >= 0 || group.weight_decay == -1),
                       "[Optimizer] expected learning_rate_factor >= 0 and weight_decay >= 0 or -1 for '{}', got {} and {}",
                       {group.prefix, group.learning_rate_factor, group.weight_decay});
}

Optimizer::Optimizer(const torch::nn::Module& module, OptimizerOptions options) : options_(std::move(options)) {
  options_.validate();
  std::vector<int64_t> fitting(options_.groups.size(), 0);
  for (const auto& item : module.named_parameters()) {
    const Tensor& p = item.value();
    if (!p.requires_grad()) continue;
    Slot slot{.name = item.key(), .parameter = p, .decay = p.dim() >= 2 ? options_.weight_decay : 0.0};
    for (size_t g = 0; g < options_.groups.size(); ++g) {
      const ParameterGroupOptions& group = options_.groups[g];
      if (!slot.name.starts_with(group.prefix)) continue;
      slot.factor = group.learning_rate_factor;
      if (group.weight_decay >= 0 && p.dim() >= 2) slot.decay = group.weight_decay;
      ++fitting[g];
      break;
    }
    slot.first = torch::zeros_like(p);
    if (options_.kind != OptimizerKind::sgd) slot.second = torch::zeros_like(p);
    slot.steps = torch::zeros({}, p.options().dtype(torch::kFloat));
    slots_.push_back(std::move(slot));
  }
  check<ConfigError>(!slots_.empty(), "[Optimizer] expected a module with parameters to train, got none");
  for (size_t g = 0; g < fitting.size(); ++g)
    check<ConfigError>(fitting[g] > 0, "[Optimizer] expected parameters that begin with '{}', got none; the first is '{}'", {options_.groups[g].prefix, slots_.front().name});
}

void Optimizer::zero_grad() {
  for (Slot& slot : slots_) slot.parameter.mutable_grad().reset();
}

double Optimizer::gradient_norm() const {
  double sum = 0;
  for (const Slot& slot : slots_) {
    const Tensor& grad = slot.parameter.grad();
    if (!grad.defined()) continue;
    const double norm = grad.norm().item<double>();
    sum += norm * norm;
  }
  return std::sqrt(sum);
}

void Optimizer::scale_gradients(double factor) {
  for (Slot& slot : slots_)
    if (slot.parameter.grad().defined()) slot.parameter.mutable_grad().mul_(factor);
}

bool Optimizer::state_is_finite() const {
  // A norm is NaN or infinite if a term is; in float also for terms beyond 1e19, whose squares are: such a moment is as bad.
  double sum = 0;
  for (const Slot& slot : slots_) {
    sum += slot.first.norm().item<double>();
    if (slot.second.defined()) sum += slot.second.norm().item<double>();
  }
  return std::isfinite(sum);
}

void Optimizer::step(double learning_rate) {
  const torch::NoGradGuard no_grad;
  if (options_.kind == OptimizerKind::adamw) return step_adamw(learning_rate);
  for (Slot& slot : slots_) {
    if (!slot.parameter.grad().defined()) continue;
    slot.steps += 1;
    if (options_.kind == OptimizerKind::sgd) step_sgd(slot, learning_rate * slot.factor);
    else step_stable(slot, learning_rate * slot.factor);
  }
}

/// LibTorch's fused kernel, one call for all parameters that share rate and decay.
void Optimizer::step_adamw(double learning_rate) {
  struct Lists {
    std::vector<Tensor> parameters, grads, first, second, steps;
  };
  std::map<std::pair<double, double>, Lists> calls;
  for (Slot& slot : slots_) {
    const Tensor& grad = slot.parameter.grad();
    if (!grad.defined()) continue;
    slot.steps += 1;
    Lists& lists = calls[{slot.factor, slot.decay}];
    lists.parameters.push_back(slot.parameter);
    lists.grads.push_back(grad.strides() == slot.parameter.strides() ? grad : at::empty_like(slot.parameter).copy_(grad));
    lists.first.push_back(slot.first);
    lists.second.push_back(slot.second);
    lists.steps.push_back(slot.steps);
  }
  for (auto& [key, lists] : calls)
    at::_fused_adamw_(lists.parameters, lists.grads, lists.first, lists.second, {}, lists.steps, learning_rate * key.first, options_.beta1, options_.beta2, key.second,
                      options_.eps, /*amsgrad=*/false, /*maximize=*/false);
}

/// Moments that are unbiased from the start, and a rate that is lowered where the gradient is larger than its square
/// remembers: RMS_t = sqrt(mean(g^2 / max(u, eps^2))).
void Optimizer::step_stable(Slot& slot, double learning_rate) {
  const auto debiased = [t = slot.steps.item<double>()](double beta) { return beta * (1 - std::pow(beta, t - 1)) / (1 - std::pow(beta, t)); };
  const double beta1 = debiased(options_.beta1), beta2 = debiased(options_.beta2);
  const Tensor& grad = slot.parameter.grad();
  const Tensor square = grad * grad;
  slot.first.lerp_(grad, 1 - beta1);
  slot.second.lerp_(square, 1 - beta2);
  const double rms = (square / slot.second.clamp_min(options_.eps * options_.eps)).mean().sqrt().item<double>();
  const double rate = learning_rate / std::max(1.0, rms);
  slot.parameter.mul_(1 - rate * slot.decay);
  slot.parameter.addcdiv_(slot.first, slot.second.sqrt().add_(options_.eps), -rate);
}

void Optimizer::step_sgd(Slot& slot, double learning_rate) {
  slot.first.mul_(options_.momentum).add_(slot.parameter.grad()).add_(slot.parameter, slot.decay);
  slot.parameter.add_(slot.first, -learning_rate);
}

NamedTensors Optimizer::state() const {
  NamedTensors state;
  for (const Slot& slot : slots_) {
    state.emplace_back("first." + slot.name, slot.first);
    if (slot.second.defined()) state.emplace_back("second." + slot.name, slot.second);
    state.emplace_back("steps." + slot.name, slot.steps);
  }
  return state;
}

void Optimizer::load_state(const NamedTensors& state, std::string_view where) {
  std::map<std::string, Tensor> given(state.begin(), state.end());
  const NamedTensors own = this->state();
  std::vector<std::string> wrong;
  for (const auto& [name, tensor] : own) {
    const auto found = given.find(name);
    if (found == given.end()) wrong.push_back("no '" + name + "'");
    else if (found->second.sizes() != tensor.sizes() || found->second.scalar_type() != tensor.scalar_type())
      wrong.push_back(format_message("'{}' is {} {} and not {} {}", {name, found->second.scalar_type(), found->second.sizes(), tensor.scalar_type(), tensor.sizes()}));
  }
  check<DataError>(given.size() <= own.size(), "[{}] expected moments of {} parameters, got {} tensors and not {}", {where, slots_.size(), given.size(), own.size()});
  check<DataError>(wrong.empty(), "[{}] expected the moments of this optimiser ({}): {}", {where, options_.kind, wrong});
  const torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : own) Tensor(tensor).copy_(given.at(name));
}

}  // namespace alloy
