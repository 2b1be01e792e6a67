// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/fixture_tensors.hpp"

#include <alloy/alignment/cka.hpp>

using namespace alloy;

namespace {

constexpr std::array kKernels = {CkaKernel::linear, CkaKernel::rbf};
constexpr std::array kEstimators = {CkaEstimator::biased, CkaEstimator::debiased};

}  // namespace

TEST_CASE("cka agrees with its definition", "[alignment]") {
  const Tensor x = fixture_tensor("meaning.safetensors", "cca/x"), y = fixture_tensor("meaning.safetensors", "cca/y");
  for (const CkaKernel kernel : kKernels)
    for (const CkaEstimator estimator : kEstimators) {
      const std::string name = std::string(name_of(kernel)) + "_" + std::string(name_of(estimator));
      INFO(name);
      CHECK_THAT(cka(x, y, {.kernel = kernel, .estimator = estimator}),
                 WithinAbs(fixture_tensor("meaning.safetensors", "cka/" + name).item<double>(), 1e-10));
    }
}

TEST_CASE("what cka does not see", "[alignment]") {
  torch::manual_seed(1);
  const Tensor x = torch::randn({300, 6}, torch::kDouble), y = x.matmul(torch::randn({6, 9}, torch::kDouble)).tanh();  // more than a tile
  const Tensor q = std::get<0>(torch::linalg_qr(torch::randn({6, 6}, torch::kDouble)));
  for (const CkaKernel kernel : kKernels)
    for (const CkaEstimator estimator : kEstimators) {
      const CkaOptions options{.kernel = kernel, .estimator = estimator};
      const double value = cka(x, y, options);
      CHECK((value > 0.2 && value < 0.999));
      CHECK_THAT(cka(y, x, options), WithinAbs(value, 1e-12));
      CHECK_THAT(cka(1e-3 * x.matmul(q) + 5, 1e6 * y, options), WithinAbs(value, 1e-9));
      CHECK_THAT(cka(x, -x, options), WithinAbs(1, 1e-12));
      const Tensor order = torch::randperm(300);
      CHECK_THAT(cka(x.index_select(0, order), y.index_select(0, order), options), WithinAbs(value, 1e-9));
    }
  SECTION("a general linear map is seen") {
    CHECK(cka(x, x.matmul(torch::diag(torch::tensor({100.0, 1.0, 1.0, 1.0, 1.0, 1.0}, torch::kDouble)))) < 0.9);
  }
}

TEST_CASE("only the debiased estimate of unrelated representations is near 0", "[alignment]") {
  torch::manual_seed(2);
  const Tensor x = torch::randn({60, 100}, torch::kDouble), y = torch::randn({60, 100}, torch::kDouble);
  CHECK(cka(x, y, {.estimator = CkaEstimator::biased}) > 0.4);
  CHECK(std::abs(cka(x, y)) < 0.1);
}

TEST_CASE("what cka refuses", "[alignment]") {
  const Tensor x = torch::randn({10, 3}, torch::kDouble);
  CHECK_THROWS_WITH(cka(x, torch::full({10, 2}, 0.3)), ContainsSubstring("second representation of rank 0 of 2"));
  CHECK_THROWS_WITH(cka(x.narrow(0, 0, 3), x.narrow(0, 0, 3)), ContainsSubstring("at least 4 samples for the debiased estimator, got 3"));
  CHECK(cka(x.narrow(0, 0, 2), x.narrow(0, 1, 2), {.estimator = CkaEstimator::biased}) > 0.99);  // two points are always alike
  CHECK_THROWS_AS(cka(x, x.narrow(0, 0, 9)), ShapeError);
  CHECK_THROWS_AS(cka(x, torch::full({10, 3}, NAN)), DataError);
  CHECK_THROWS_AS(cka(x, x, {.rbf_share = 0}), ConfigError);
}
