// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alignment/cca.hpp>
#include <alloy/alignment/deep_cca.hpp>
#include <alloy/core/random.hpp>

#include <torch/optim/adam.h>

using namespace alloy;

TEST_CASE("deep_cca_loss", "[alignment]") {
  torch::manual_seed(1);
  const Tensor x = torch::randn({30, 4}, torch::kDouble), y = x.narrow(1, 0, 3) + torch::randn({30, 3}, torch::kDouble);
  SECTION("is minus the sum of the canonical correlations") {
    const Tensor expected = cca(x, y).correlations;
    CHECK_THAT(deep_cca_loss(x, y, {.ridge = 1e-12}).item<double>(), WithinAbs(-expected.sum().item<double>(), 1e-9));
    CHECK_THAT(deep_cca_loss(x, y, {.components = 2, .ridge = 1e-12}).item<double>(),
               WithinAbs(-expected.narrow(0, 0, 2).sum().item<double>(), 1e-9));
    CHECK(deep_cca_loss(x.to(torch::kFloat), y.to(torch::kFloat)).scalar_type() == torch::kFloat);
  }
  SECTION("gradient") {
    const Tensor a = x.clone().requires_grad_(), b = y.clone().requires_grad_();
    for (const int64_t components : {0, 1, 2})
      CHECK(gradient_error([&] { return 3 * deep_cca_loss(a, b, {.components = components, .ridge = 0.05}); }, {a, b}) < 1e-7);
    CHECK(gradient_error([&] { return deep_cca_loss(b, a, {.ridge = 0.05}); }, {a, b}) < 1e-7);
  }
  SECTION("refuses") {
    CHECK_THROWS_AS(deep_cca_loss(x, y.narrow(0, 0, 29)), ShapeError);
    CHECK_THROWS_AS(deep_cca_loss(x, y, {.components = 4}), ConfigError);
    CHECK_THROWS_AS(deep_cca_loss(x, y, {.ridge = 0}), ConfigError);
    CHECK_THROWS_AS(deep_cca_loss(x, torch::full({30, 3}, NAN, torch::kDouble)), DataError);
  }
}

TEST_CASE("DeepCca finds what a linear map cannot", "[alignment]") {
  // Both sides tell of one hidden angle, the second by its double: no linear map of one correlates with the other.
  torch::manual_seed(2);
  const Tensor angle = torch::rand({600}) * 6.2831853F, noise = 0.05 * torch::randn({600, 4});
  const Tensor x = torch::stack({angle.cos(), angle.sin()}, 1) + noise.narrow(1, 0, 2),
               y = torch::stack({(2 * angle).cos(), (2 * angle).sin()}, 1) + noise.narrow(1, 2, 2);
  const auto half = [](const Tensor& t, int64_t begin) { return t.narrow(0, begin, 300); };
  seed_everything(3);
  DeepCca model({.first_dim = 2, .second_dim = 2, .hidden_dim = 24, .dim = 2});
  torch::optim::Adam optimizer(model->parameters(), torch::optim::AdamOptions(1e-2));
  for (int step = 0; step < 150; ++step) {
    optimizer.zero_grad();
    model->forward(half(x, 0), half(y, 0)).backward();
    optimizer.step();
  }
  const Tensor correlations = model->fit_linear(half(x, 0), half(y, 0));
  const Tensor a = model->project_first(half(x, 300)).detach(), b = model->project_second(half(y, 300)).detach();
  const Tensor ca = a - a.mean(0), cb = b - b.mean(0), unseen = (ca * cb).sum(0) / (ca.norm(2, {0}) * cb.norm(2, {0}));
  CHECK(cca(half(x, 0), half(y, 0)).correlations[0].item<double>() < 0.3);
  CHECK(correlations[0].item<double>() > 0.9);
  CHECK(unseen[0].item<double>() > 0.9);
  CHECK(unseen[1].item<double>() > 0.8);
  SECTION("a copy projects alike") {
    DeepCca copy = clone(model);
    CHECK_THAT(copy->project_first(x), SameBits(model->project_first(x)));
  }
  CHECK_THROWS_AS(DeepCca({.first_dim = 2, .second_dim = 0}), ConfigError);
  CHECK_THROWS_AS(DeepCca({.first_dim = 2, .second_dim = 2, .dim = 2, .loss = {.components = 3}}), ConfigError);
}
