// SPDX-License-Identifier: Apache-2.0
#include <alloy/train/weight_average.hpp>

#include <alloy/core/check.hpp>
#include <alloy/io/module_state.hpp>

#include <torch/types.h>
#include <torch/utils.h>

#include <map>

namespace alloy {

namespace {

constexpr auto kUpdates = "updates";

}  // namespace

WeightAverage::WeightAverage(std::shared_ptr<torch::nn::Module> module, double decay) : module_(std::move(module)), decay_(decay) {
  check<ConfigError>(decay > 0 && decay < 1, "[WeightAverage] expected a decay in 0..1, got {}", {decay});
  for (const auto& [name, tensor] : module_state(*module_)) average_.emplace_back(name, tensor.detach().clone());
}

void WeightAverage::update() {
  const torch::NoGradGuard no_grad;
  const auto t = static_cast<double>(++updates_);
  const double keep = std::min(decay_, (1 + t) / (10 + t));
  const NamedTensors now = module_state(*module_);
  for (size_t i = 0; i < now.size(); ++i) {
    Tensor& mean = average_[i].second;
    if (now[i].second.requires_grad()) mean.lerp_(now[i].second, 1 - keep);
    else mean.copy_(now[i].second);
  }
}

void WeightAverage::swap() {
  const torch::NoGradGuard no_grad;
  NamedTensors now = module_state(*module_);
  for (size_t i = 0; i < now.size(); ++i) {
    const Tensor kept = now[i].second.detach().clone();
    now[i].second.copy_(average_[i].second);
    average_[i].second.copy_(kept);
  }
}

NamedTensors WeightAverage::state() const {
  NamedTensors state = average_;
  state.emplace_back(kUpdates, torch::tensor(updates_));
  return state;
}

void WeightAverage::load_state(const NamedTensors& state, std::string_view where) {
  const std::map<std::string, Tensor> given(state.begin(), state.end());
  for (const auto& [name, tensor] : this->state()) {
    const auto found = given.find(name);
    check<DataError>(found != given.end() && found->second.sizes() == tensor.sizes() && found->second.scalar_type() == tensor.scalar_type(),
                     "[{}] expected the average of '{}', {} {}, got {}", {where, name, tensor.scalar_type(), tensor.sizes(), found == given.end() ? "none" : "another"});
  }
  const torch::NoGradGuard no_grad;
  for (auto& [name, tensor] : average_) tensor.copy_(given.at(name));
  updates_ = given.at(kUpdates).item<int64_t>();
}

}  // namespace alloy
