// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/fixture_tensors.hpp"

#include <alloy/alignment/cca.hpp>

using namespace alloy;

namespace {

Tensor from_fixture(const std::string& name) { return fixture_tensor("meaning.safetensors", "cca/" + name); }

/// Of the columns of two matrices, pair by pair.
Tensor correlations_of(const Tensor& a, const Tensor& b) {
  const Tensor x = a - a.mean(0), y = b - b.mean(0);
  return (x * y).sum(0) / (x.norm(2, {0}) * y.norm(2, {0}));
}

}  // namespace

TEST_CASE("cca agrees with its closed form", "[alignment]") {
  const Tensor x = from_fixture("x"), y = from_fixture("y");
  for (const auto& [name, ridge] : {std::pair{"plain", 0.0}, {"ridge", 0.1}}) {
    INFO(name);
    const Cca found = cca(x, y, {.ridge = ridge});
    CHECK_THAT(found.correlations, AllClose(from_fixture(std::string(name) + "_correlations"), 1e-12));
    const Tensor expected = from_fixture(std::string(name) + "_weights");  // up to signs, which are such that the greatest weight is positive
    CHECK_THAT(found.first.weights.abs(), AllClose(expected.abs(), 1e-10));
    CHECK((found.first.weights.amax(0) >= -found.first.weights.amin(0)).all().item<bool>());
    CHECK((found.first.rank == 5 && found.second.rank == 4));
  }
  CHECK_THAT(cca(x.to(torch::kFloat), y.to(torch::kFloat), {.components = 2}).correlations,
             AllClose(from_fixture("plain_correlations").narrow(0, 0, 2), 1e-5));
}

TEST_CASE("projections of cca", "[alignment]") {
  const Tensor x = from_fixture("x"), y = from_fixture("y");
  const Cca found = cca(x, y);
  const Tensor a = found.first.project(x), b = found.second.project(y);
  CHECK_THAT(correlations_of(a, b), AllClose(found.correlations, 1e-12));
  CHECK_THAT(a.t().matmul(a) / 59, AllClose(torch::eye(4, torch::kDouble), 1e-10));  // variance 1, not correlated
  SECTION("of rows not seen are the same map") {
    CHECK_THAT(found.first.project(x.narrow(0, 3, 2) + 1), AllClose(a.narrow(0, 3, 2) + found.first.weights.sum(0), 1e-10));
  }
  SECTION("correlations do not change with scale, shift and mixing of columns") {
    torch::manual_seed(1);
    const Tensor mixed = 1e3 * x.matmul(torch::randn({5, 5}, torch::kDouble)) - 7;
    CHECK_THAT(cca(mixed, y).correlations, AllClose(found.correlations, 1e-9));
  }
  SECTION("gradients reach the rows") {
    const Tensor leaf = x.narrow(0, 0, 2).clone().requires_grad_();
    CHECK(gradient_error([&] { return found.first.project(leaf).square().sum(); }, {leaf}) < 1e-7);
  }
  SECTION("a hidden signal is found again on rows not seen, and noise is not") {
    torch::manual_seed(2);
    const Tensor hidden = torch::randn({800, 1}, torch::kDouble),
                 p = torch::cat({hidden, torch::randn({800, 9}, torch::kDouble)}, 1) + 0.3 * torch::randn({800, 10}, torch::kDouble),
                 q = torch::cat({torch::randn({800, 9}, torch::kDouble), -hidden}, 1) + 0.3 * torch::randn({800, 10}, torch::kDouble);
    const Cca learnt = cca(p.narrow(0, 0, 400), q.narrow(0, 0, 400), {.components = 2});
    const Tensor seen = correlations_of(learnt.first.project(p.narrow(0, 400, 400)), learnt.second.project(q.narrow(0, 400, 400)));
    CHECK(seen[0].item<double>() > 0.85);
    CHECK(std::abs(seen[1].item<double>()) < 0.2);
  }
}

TEST_CASE("cca of clouds that lack directions", "[alignment]") {
  torch::manual_seed(3);
  const Tensor x = torch::randn({40, 3}, torch::kDouble), y = torch::randn({40, 4}, torch::kDouble), flat = torch::cat({x, x.sum(1, true)}, 1);
  const Cca found = cca(flat, y);
  CHECK(found.first.rank == 3);
  CHECK(found.correlations.size(0) == 3);
  CHECK_THAT(found.correlations, AllClose(cca(x, y).correlations, 1e-8));
  CHECK_THROWS_WITH(cca(flat, y, {.components = 4}), ContainsSubstring("got 4 with ranks 3 and 4"));
  CHECK_THROWS_WITH(cca(torch::ones({40, 3}) * 0.1, y), ContainsSubstring("first side of rank 0 of 3") && ContainsSubstring("40 rows are alike"));
  SECTION("too few rows need a ridge") {
    CHECK_THROWS_WITH(cca(x.narrow(0, 0, 6), y.narrow(0, 0, 6)), ContainsSubstring("got 6 rows with ranks 3 and 4") && ContainsSubstring("ridge"));
    CHECK_THROWS_AS(cca(x.narrow(0, 0, 6), y.narrow(0, 0, 6)), DataError);
    const Tensor few = cca(torch::randn({6, 30}, torch::kDouble), torch::randn({6, 20}, torch::kDouble), {.ridge = 0.5}).correlations;
    CHECK((few.size(0) == 5 && few[0].item<double>() < 0.999));
  }
  CHECK_THROWS_AS(cca(x, y.narrow(0, 0, 39)), ShapeError);
  CHECK_THROWS_WITH(cca(x, torch::full({40, 2}, NAN)), ContainsSubstring("second rows, got row 0 with NaN"));
  CHECK_THROWS_AS(cca(x, y, {.ridge = -1}), ConfigError);
  CHECK_THROWS_AS(cca(x, y, {.eigenvalue_floor = 1}), ConfigError);
  CHECK_THROWS_AS(found.first.project(x), ShapeError);
}
