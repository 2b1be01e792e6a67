// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alignment/time_evidence.hpp>
#include <alloy/core/error.hpp>
#include <alloy/core/random.hpp>

#include <numbers>

using namespace alloy;

namespace {

constexpr double kNone = NAN;

Tensor doubles(std::vector<double> values) { return torch::tensor(values, torch::kDouble); }

}  // namespace

TEST_CASE("time evidence", "[alignment]") {
  const TimePrior prior{.mean_s = 600, .std_s = 3600, .outliers = 0.1, .period_s = 86400};
  SECTION("is the log of the ratio of the two densities") {
    const Tensor evidence = time_evidence(doubles({0, 1e9}), doubles({600, 4200, 1e9 - 3000, kNone}), prior);
    REQUIRE(evidence.sizes() == at::IntArrayRef({2, 4}));
    const auto by_hand = [&](double difference) {
      const double z = (difference - 600) / 3600, pair = std::exp(-z * z / 2) / (3600 * std::sqrt(2 * std::numbers::pi)), other = 1 / 86400.0;
      return std::log((0.1 * other + 0.9 * pair) / other);
    };
    for (int64_t i = 0; i < 2; ++i) CHECK(evidence[0][i].item<double>() == Approx(by_hand(i == 0 ? 600 : 4200)));
    CHECK(evidence[1][2].item<double>() == Approx(by_hand(-3000)));
    CHECK(evidence[1][0].item<double>() == Approx(std::log(0.1)));  // far off: only the outliers are left
  }
  SECTION("a missing stamp says nothing, neither for nor against") {
    const Tensor evidence = time_evidence(doubles({0}), doubles({kNone, 600, 40000}), prior);
    CHECK(evidence[0][0].item<double>() == 0);
    CHECK(evidence[0][1].item<double>() > 0);
    CHECK(evidence[0][2].item<double>() < 0);
  }
  SECTION("the ratio averages to 1 over stamps that belong to nothing") {
    const Tensor stamps = (torch::arange(86400, torch::kDouble) - 43200) + 600;
    CHECK(time_evidence(doubles({0}), stamps, prior).exp().mean().item<double>() == Approx(1).epsilon(1e-6));
  }
  SECTION("without outliers, and with nothing else") {
    TimePrior extreme = prior;
    extreme.outliers = 0;
    CHECK(time_evidence(doubles({0}), doubles({600 + 3600 * 100.0}), extreme)[0][0].item<double>() == Approx(-5000).epsilon(0.001));
    extreme.outliers = 1;
    CHECK(time_evidence(doubles({0}), doubles({600, 7000}), extreme).abs().max().item<double>() == Approx(0).margin(1e-12));
  }
  SECTION("the prior is found although some pairs are wrong and stamps are missing") {
    Random random(3);
    std::vector<double> differences;
    for (int i = 0; i < 2000; ++i) differences.push_back(i % 20 == 0 ? random.uniform(-2e5, 2e5) : i % 7 == 0 ? kNone : 900 + 7200 * random.normal());
    const TimePrior found = fit_time_prior(doubles(differences), 86400, 0.05);
    CHECK(found.mean_s == Approx(900).margin(500));
    CHECK(found.std_s == Approx(7200).epsilon(0.1));
    CHECK(found.period_s == 86400);
    CHECK(fit_time_prior(doubles({5, 5, 5}), 100).std_s == 1);  // not zero
  }
  SECTION("what cannot be") {
    CHECK_THROWS_WITH(fit_time_prior(doubles({1, kNone, 2}), 100), ContainsSubstring("at least 3 pairs with a stamp, got 2 of 3"));
    CHECK_THROWS_AS(fit_time_prior(doubles({1, 2, 3}), 0), ConfigError);
    CHECK_THROWS_AS(time_evidence(doubles({kNone}), doubles({1}), prior), DataError);
    CHECK_THROWS_AS(time_evidence(torch::zeros({1, 1}), doubles({1}), prior), ShapeError);
    CHECK_THROWS_AS(time_evidence(doubles({0}), doubles({1}), {.std_s = 0}), ConfigError);
    CHECK_THROWS_AS(time_evidence(doubles({0}), doubles({1}), {.outliers = 2}), ConfigError);
  }
}

TEST_CASE("how far evidence can be trusted", "[alignment]") {
  Random random(9);
  const int64_t rows = 4000, items = 5;
  Tensor truth = torch::empty({rows, items}, torch::kDouble), other = torch::empty({rows, items}, torch::kDouble),
         right = torch::empty({rows}, torch::kLong);
  Tensor candidates = torch::ones({rows, items}, torch::kBool);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < items; ++j) truth[i][j] = 1.5 * random.normal(), other[i][j] = random.normal();
    candidates[i][4] = i % 2 == 0;
    const Tensor share = torch::where(candidates[i], truth[i] + other[i], -INFINITY).softmax(0);
    double u = random.uniform();
    int64_t drawn = 0;
    while (drawn < 3 && (u -= share[drawn].item<double>()) > 0) ++drawn;
    right[i] = drawn == 3 && u > share[3].item<double>() ? 4 : drawn;
  }
  CHECK(fit_evidence_weight(truth, other, candidates, right) == Approx(1).epsilon(0.1));
  CHECK(fit_evidence_weight(4 * truth, other, candidates, right) == Approx(0.25).epsilon(0.1));
  CHECK(fit_evidence_weight(torch::randn({rows, items}), other, candidates, right) < 0.1);
  CHECK(fit_evidence_weight(-truth, other, candidates, right) < 0.001);
  truth[1][4] = NAN;  // no candidate
  CHECK(fit_evidence_weight(truth, other, candidates, right) == Approx(1).epsilon(0.1));
  right[1] = 4;
  CHECK_THROWS_AS(fit_evidence_weight(truth, other, candidates, right), DataError);
  CHECK_THROWS_AS(fit_evidence_weight(truth, other.slice(0, 1), candidates, right), ShapeError);
  CHECK_THROWS_AS(
      fit_evidence_weight(torch::zeros({0, 2}), torch::zeros({0, 2}), torch::zeros({0, 2}, torch::kBool), torch::zeros({0}, torch::kLong)),
      DataError);
}

TEST_CASE("bounded evidence", "[alignment]") {
  const Tensor evidence = torch::tensor({{40.0, 0.0, -40.0, 0.0}, {1.0, 1.0, 1.0, 1.0}}, torch::kDouble);
  const Tensor bounded = bounded_evidence(evidence, 0.1);
  CHECK(bounded[0][0].item<double>() == Approx(std::log(0.1 + 0.9 * 4)));  // all of the row's four shares
  CHECK(bounded[0][2].item<double>() == Approx(std::log(0.1)));
  CHECK(bounded[1].abs().max().item<double>() == Approx(0).margin(1e-12));  // what tells nothing apart says nothing
  CHECK_THAT(bounded.exp().mean(1), AllClose(torch::ones({2}, torch::kDouble)));
  CHECK_THAT(bounded_evidence(evidence + torch::tensor({{5.0}, {-300.0}}), 0.1), AllClose(bounded));  // the row's constant
  CHECK_THAT(bounded_evidence(evidence, 0), AllClose(evidence.log_softmax(1) + std::log(4.0)));
  CHECK_THROWS_AS(bounded_evidence(evidence, 1.5), ConfigError);
  CHECK_THROWS_AS(bounded_evidence(torch::zeros({2, 0})), ShapeError);
}
