// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alloy.hpp>

#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

using namespace alloy;

namespace {

/// A matrix and a vector whose gradients are known.
struct PairModule : torch::nn::Module {
  PairModule() {
    torch::manual_seed(4);
    matrix = register_parameter("matrix", torch::randn({3, 4}, torch::kDouble));
    vector = register_parameter("vector", torch::randn({4}, torch::kDouble));
    unused = register_parameter("unused", torch::randn({2, 2}, torch::kDouble));
  }
  void set_gradients(int64_t step, double factor = 1.0) {
    torch::manual_seed(100 + static_cast<uint64_t>(step));
    matrix.mutable_grad() = factor * torch::randn({3, 4}, torch::kDouble);
    vector.mutable_grad() = factor * torch::randn({4}, torch::kDouble);
  }
  Tensor matrix, vector, unused;
};

OptimizerOptions options_of(OptimizerKind kind) { return {.kind = kind, .weight_decay = 0.1, .beta1 = 0.8, .beta2 = 0.9, .eps = 1e-6}; }

/// Algorithm 2 of Wortsman et al. on one tensor, by the formulas of the paper: EMAs that start at 0 with corrected betas.
struct StableReference {
  Tensor v, u;
  void step(Tensor& theta, const Tensor& g, int64_t t, double alpha, double decay) {
    const double b1 = 0.8 * (1 - std::pow(0.8, t - 1)) / (1 - std::pow(0.8, t)), b2 = 0.9 * (1 - std::pow(0.9, t - 1)) / (1 - std::pow(0.9, t));
    v = b1 * v + (1 - b1) * g;
    u = b2 * u + (1 - b2) * g * g;
    const double rms = std::sqrt((g * g / torch::maximum(u, torch::full_like(u, 1e-12))).mean().item<double>());
    const double eta = alpha / std::max(1.0, rms);
    theta = theta - eta * decay * theta - eta * v / (u.sqrt() + 1e-6);
  }
};

}  // namespace

TEST_CASE("AdamW and SGD are those of LibTorch", "[train]") {
  const auto ours = std::make_shared<PairModule>(), theirs = std::make_shared<PairModule>();
  const bool sgd = GENERATE(false, true);
  Optimizer optimizer(*ours, options_of(sgd ? OptimizerKind::sgd : OptimizerKind::adamw));
  std::unique_ptr<torch::optim::Optimizer> reference;
  std::vector<torch::optim::OptimizerParamGroup> groups;
  for (const auto& [parameter, decay] : {std::pair(theirs->matrix, 0.1), {theirs->vector, 0.0}}) {
    std::unique_ptr<torch::optim::OptimizerOptions> options;
    if (sgd) options = std::make_unique<torch::optim::SGDOptions>(torch::optim::SGDOptions(0.05).momentum(0.9).weight_decay(decay));
    else options = std::make_unique<torch::optim::AdamWOptions>(torch::optim::AdamWOptions(0.05).betas({0.8, 0.9}).eps(1e-6).weight_decay(decay));
    groups.emplace_back(std::vector<Tensor>{parameter}, std::move(options));
  }
  if (sgd) reference = std::make_unique<torch::optim::SGD>(groups, torch::optim::SGDOptions(0.05));
  else reference = std::make_unique<torch::optim::AdamW>(groups, torch::optim::AdamWOptions(0.05));
  const Tensor before = ours->unused.detach().clone();
  for (int64_t step = 0; step < 5; ++step) {
    ours->set_gradients(step);
    theirs->set_gradients(step);
    const double rate = 0.05 / static_cast<double>(step + 1);
    for (auto& group : reference->param_groups()) group.options().set_lr(rate);
    optimizer.step(rate);
    reference->step();
    CHECK_THAT(ours->matrix, AllClose(theirs->matrix, 1e-12));
    CHECK_THAT(ours->vector, AllClose(theirs->vector, 1e-12));
  }
  CHECK_THAT(ours->unused, SameBits(before));  // no gradient, no decay
}

TEST_CASE("StableAdamW follows its paper and heals a spike", "[train]") {
  const auto module = std::make_shared<PairModule>(), plain = std::make_shared<PairModule>();
  Optimizer optimizer(*module, options_of(OptimizerKind::stable_adamw)), adamw(*plain, options_of(OptimizerKind::adamw));
  Tensor theta = module->matrix.detach().clone();
  StableReference reference{torch::zeros_like(theta), torch::zeros_like(theta)};
  for (int64_t step = 1; step <= 6; ++step) {
    const double factor = step == 5 ? 1e4 : 1.0;  // one batch is off
    for (auto* m : {module.get(), plain.get()}) m->set_gradients(step, factor);
    reference.step(theta, module->matrix.grad(), step, 0.01, 0.1);
    const Tensor before = module->matrix.detach().clone(), plain_before = plain->matrix.detach().clone();
    optimizer.step(0.01);
    adamw.step(0.01);
    CHECK_THAT(module->matrix, AllClose(theta, 1e-10));
    if (step == 5) CHECK((module->matrix - before).norm().item<double>() < 0.7 * (plain->matrix - plain_before).norm().item<double>());
  }
}

TEST_CASE("groups have a rate and a decay of their own", "[train]") {
  const auto module = std::make_shared<PairModule>();
  auto options = options_of(OptimizerKind::sgd);
  options.momentum = 0;
  options.groups = {{.prefix = "mat", .learning_rate_factor = 0.5, .weight_decay = 0.0}};
  Optimizer optimizer(*module, options);
  module->set_gradients(1);
  const Tensor matrix = module->matrix.detach() - 0.5 * 0.1 * module->matrix.grad(), vector = module->vector.detach() - 0.1 * module->vector.grad();
  optimizer.step(0.1);
  CHECK_THAT(module->matrix, AllClose(matrix, 1e-14));
  CHECK_THAT(module->vector, AllClose(vector, 1e-14));
  options.groups[0].prefix = "nobody";
  CHECK_THROWS_WITH(Optimizer(*module, options), ContainsSubstring("begin with 'nobody', got none"));
  options = options_of(OptimizerKind::adamw);
  options.beta2 = 1.0;
  CHECK_THROWS_WITH(Optimizer(*module, options), ContainsSubstring("beta2 in 0..1, got 1"));
  for (Tensor& p : module->parameters()) p.requires_grad_(false);
  CHECK_THROWS_AS(Optimizer(*module, options_of(OptimizerKind::adamw)), ConfigError);
}

TEST_CASE("the state of an optimiser comes back bit by bit", "[train]") {
  const auto kind = GENERATE(OptimizerKind::adamw, OptimizerKind::stable_adamw, OptimizerKind::sgd);
  const auto straight = std::make_shared<PairModule>(), stopped = std::make_shared<PairModule>();
  Optimizer first(*straight, options_of(kind)), second(*stopped, options_of(kind));
  for (int64_t step = 0; step < 3; ++step) {
    straight->set_gradients(step);
    first.step(0.01);
    stopped->set_gradients(step);
    second.step(0.01);
  }
  const TempDir dir;
  save_safetensors(dir / "o.safetensors", second.state());
  Optimizer third(*stopped, options_of(kind));
  third.load_state(load_safetensors(dir / "o.safetensors"), "o.safetensors");
  for (int64_t step = 3; step < 6; ++step) {
    straight->set_gradients(step);
    first.step(0.01);
    stopped->set_gradients(step);
    third.step(0.01);
  }
  CHECK_THAT(stopped->matrix, SameBits(straight->matrix));
  CHECK_THAT(stopped->vector, SameBits(straight->vector));
  auto state = second.state();
  const Tensor kept = state[0].second.clone();
  auto wrong = state;
  wrong[0].second = torch::zeros({1});
  CHECK_THROWS_WITH(second.load_state(wrong, "here"), ContainsSubstring("[here]") && ContainsSubstring("first.matrix"));
  wrong = {state.begin() + 1, state.end()};
  CHECK_THROWS_WITH(second.load_state(wrong, "here"), ContainsSubstring("no 'first.matrix'"));
  CHECK_THAT(second.state()[0].second, SameBits(kept));
}

TEST_CASE("what is not finite is seen before it does harm", "[train]") {
  const auto module = std::make_shared<PairModule>();
  Optimizer optimizer(*module, options_of(OptimizerKind::adamw));
  module->set_gradients(0);
  CHECK(optimizer.gradient_norm() == Approx(std::sqrt((module->matrix.grad().pow(2).sum() + module->vector.grad().pow(2).sum()).item<double>())));
  module->vector.mutable_grad()[1] = std::numeric_limits<double>::infinity();
  CHECK_FALSE(std::isfinite(optimizer.gradient_norm()));
  CHECK(optimizer.state_is_finite());
  Tensor(optimizer.state()[0].second).flatten()[3] = std::nan("");
  CHECK_FALSE(optimizer.state_is_finite());
  module->to(torch::kFloat);
  Optimizer in_float(*module, options_of(OptimizerKind::adamw));
  CHECK(in_float.state_is_finite());
  Tensor(in_float.state()[0].second).flatten()[3] = 1e30;  // row T4: finite, but no moment of a training that goes well
  CHECK_FALSE(in_float.state_is_finite());
}

TEST_CASE("learning rate schedules", "[train]") {
  const ScheduleOptions cosine{.kind = ScheduleKind::cosine, .warmup = 4}, constant{.kind = ScheduleKind::constant, .warmup = 2};
  CHECK(learning_rate_at(0, 20, 0.8, cosine) == Approx(0.2));
  CHECK(learning_rate_at(3, 20, 0.8, cosine) == Approx(0.8));
  CHECK(learning_rate_at(4, 20, 0.8, cosine) == Approx(0.8));
  CHECK(learning_rate_at(12, 20, 0.8, cosine) == Approx(0.4));
  CHECK(learning_rate_at(20, 20, 0.8, cosine) == Approx(0.0).margin(1e-12));
  CHECK(learning_rate_at(0, 20, 0.8, constant) == Approx(0.4));
  CHECK(learning_rate_at(19, 20, 0.8, constant) == Approx(0.8));
  CHECK(learning_rate_at(0, 1, 0.8, {.warmup = 100}) == Approx(0.008));  // a warm-up longer than the training
  CHECK_THROWS_AS((ScheduleOptions{.warmup = -1}.validate()), ConfigError);
}

TEST_CASE("weight average", "[train]") {
  const auto module = std::make_shared<PairModule>();
  WeightAverage average(module, 0.9);
  std::vector<double> keep{2.0 / 11, 3.0 / 12, 4.0 / 13};
  Tensor expected = module->matrix.detach().clone();
  for (int64_t step = 0; step < 3; ++step) {
    {
      const torch::NoGradGuard no_grad;
      module->matrix.add_(1.5);
    }
    average.update();
    const double k = std::min(0.9, keep[static_cast<size_t>(step)]);
    expected = k * expected + (1 - k) * module->matrix.detach();
  }
  const Tensor raw = module->matrix.detach().clone();
  WeightAverage other(module, 0.9);
  other.load_state(average.state(), "here");
  average.swap();
  CHECK_THAT(module->matrix, AllClose(expected, 1e-12));
  average.swap();
  CHECK_THAT(module->matrix, SameBits(raw));
  other.swap();
  CHECK_THAT(module->matrix, AllClose(expected, 1e-12));
  CHECK_THROWS_WITH(other.load_state({}, "here"), ContainsSubstring("average of 'matrix'"));
  CHECK_THROWS_AS(WeightAverage(module, 1.0), ConfigError);
}
