// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/layers/recompute.hpp>
#include <alloy/layers/transformer.hpp>
#include <alloy/core/random.hpp>

using namespace alloy;

namespace {

/// Output, gradient of the input, gradients of all parameters, and what the generator gives next.
std::vector<Tensor> pass(Transformer transformer, const Tensor& input, const Tensor& mask) {
  transformer->zero_grad();
  const Tensor x = input.detach().clone().requires_grad_();
  torch::manual_seed(5);
  const Tensor y = transformer(x, mask);
  (y * y).sum().backward();
  std::vector<Tensor> all{y.detach(), x.grad()};
  for (const Tensor& p : transformer->parameters()) all.push_back(p.grad().clone());
  all.push_back(torch::rand({4}));
  return all;
}

}  // namespace

TEST_CASE("activations computed again give the same gradients, dropout included", "[layers]") {
  seed_everything(1);
  Transformer transformer({.dim = 8, .heads = 2, .layers = 3, .dropout_rate = 0.3});
  transformer->to(torch::kDouble);
  const Tensor x = torch::randn({3, 5, 8}, torch::kDouble), mask = torch::arange(5).unsqueeze(0) < torch::tensor({{5}, {3}, {1}});
  const auto kept = pass(transformer, x, mask);
  CHECK(recompute_blocks(*transformer, true) == 1);
  const auto again = pass(transformer, x, mask);
  REQUIRE(kept.size() == again.size());
  for (size_t i = 0; i < kept.size(); ++i) CHECK_THAT(again[i], AllClose(kept[i], 1e-12));
  transformer->eval();
  const Tensor evaluated = transformer(x, mask);
  CHECK(recompute_blocks(*transformer, false) == 1);
  CHECK_THAT(transformer(x, mask), SameBits(evaluated));
}

TEST_CASE("a block runs twice in training and once without gradients", "[layers]") {
  int runs = 0;
  const Tensor w = torch::randn({4}, torch::requires_grad());
  const auto block = [&](const Tensor& x) {
    ++runs;
    return x * w;
  };
  const Tensor x = torch::randn({2, 4});  // no gradient of its own: the parameter gets one all the same
  recomputed(block, x).sum().backward();
  CHECK(runs == 2);
  CHECK_THAT(w.grad(), AllClose(x.sum(0)));
  const torch::NoGradGuard no_grad;
  CHECK_THAT(recomputed(block, x), AllClose(x * w));
  CHECK(runs == 3);
}
