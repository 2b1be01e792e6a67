// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alignment/matching.hpp>

#include <algorithm>

using namespace alloy;

namespace {

Tensor unit(const Tensor& x) { return x / x.norm(2, {1}, true); }

/// By the definition: all scores at once.
std::vector<std::pair<int64_t, int64_t>> brute_force(const Tensor& a, const Tensor& b, const MutualPairsOptions& o) {
  Tensor s = unit(a).matmul(unit(b).t());
  if (o.score == PairScore::csls) {
    const auto mean = [&](const Tensor& rows) { return std::get<0>(rows.sort(-1, true)).narrow(1, 0, std::min(o.neighbours, rows.size(1))).mean(1); };
    s = 2 * s - mean(s).unsqueeze(1) - mean(s.t());
  }
  std::vector<std::pair<int64_t, int64_t>> pairs;
  for (int64_t i = 0; i < s.size(0); ++i) {
    const int64_t j = s[i].argmax().item<int64_t>();
    if (s.select(1, j).argmax().item<int64_t>() == i && s[i][j].item<double>() >= o.least_score) pairs.emplace_back(i, j);
  }
  return pairs;
}

std::vector<std::pair<int64_t, int64_t>> pairs_of(const MutualPairs& found) {
  std::vector<std::pair<int64_t, int64_t>> pairs;
  for (int64_t k = 0; k < found.first.size(0); ++k) pairs.emplace_back(found.first[k].item<int64_t>(), found.second[k].item<int64_t>());
  return pairs;
}

}  // namespace

TEST_CASE("csls by hand", "[alignment]") {
  const Tensor s = torch::tensor({{1.0, 0.5, 0.0}, {0.8, 0.2, -0.5}}, torch::kDouble);
  // Means of the two largest: rows 0.75 and 0.5; of both of each column: 0.9, 0.35, -0.25.
  const Tensor expected =
      torch::tensor({{2 - 0.75 - 0.9, 1 - 0.75 - 0.35, 0 - 0.75 + 0.25}, {1.6 - 0.5 - 0.9, 0.4 - 0.5 - 0.35, -1 - 0.5 + 0.25}}, torch::kDouble);
  CHECK_THAT(csls(s, 2), AllClose(expected, 1e-12));
  CHECK_THAT(csls(s, 3), AllClose(2 * s - s.mean(1, true) - s.mean(0), 1e-12));
  const Tensor leaf = s.clone().requires_grad_(), w = torch::rand({2, 3}, torch::kDouble);
  CHECK(gradient_error([&] { return (w * csls(leaf, 2)).sum(); }, {leaf}) < 1e-8);
  CHECK_THROWS_AS(csls(s, 0), ConfigError);
  CHECK_THROWS_AS(csls(s[0]), ShapeError);
}

TEST_CASE("mutual nearest pairs are those of all scores at once", "[alignment]") {
  torch::manual_seed(1);
  const Tensor a = torch::randn({700, 8}, torch::kDouble), b = torch::randn({4300, 8}, torch::kDouble);  // more than a tile both ways
  for (const PairScore score : {PairScore::cosine, PairScore::csls}) {
    const MutualPairsOptions options{.score = score, .neighbours = 5};
    const MutualPairs found = mutual_nearest_pairs(a, b, options);
    CHECK(found.first.size(0) > 100);
    CHECK(pairs_of(found) == brute_force(a, b, options));
    auto turned = pairs_of(mutual_nearest_pairs(b, a, options));
    for (auto& [x, y] : turned) std::swap(x, y);
    std::ranges::sort(turned);
    CHECK(turned == pairs_of(found));
  }
  const MutualPairsOptions strict{.score = PairScore::cosine, .least_score = 0.97};
  CHECK(pairs_of(mutual_nearest_pairs(a, b, strict)) == brute_force(a, b, strict));
  CHECK(mutual_nearest_pairs(a, b, {.least_score = 5}).first.size(0) == 0);
}

TEST_CASE("csls finds partners that a hub hides", "[alignment]") {
  // Noisy copies; a few rows of the second side are the common direction, near to all of the first.
  torch::manual_seed(2);
  const Tensor common = torch::ones({1, 16}, torch::kDouble), a = torch::randn({200, 16}, torch::kDouble) + 1.2 * common;
  const Tensor b = torch::cat({a + 0.9 * torch::randn({200, 16}, torch::kDouble), common + 0.05 * torch::randn({10, 16}, torch::kDouble)});
  const auto right = [&](PairScore score) {
    int64_t count = 0;
    for (const auto& [i, j] : pairs_of(mutual_nearest_pairs(a, b, {.score = score}))) count += i == j;
    return count;
  };
  CHECK(right(PairScore::csls) > right(PairScore::cosine) + 20);
}

TEST_CASE("edges of mutual nearest pairs", "[alignment]") {
  const Tensor x = torch::eye(3, torch::kDouble);
  SECTION("of equals the first counts") {
    const Tensor twice = torch::cat({x, x});
    const MutualPairs found = mutual_nearest_pairs(twice, twice, {.score = PairScore::cosine});
    CHECK(pairs_of(found) == std::vector<std::pair<int64_t, int64_t>>{{0, 0}, {1, 1}, {2, 2}});
    CHECK_THAT(found.scores, AllClose(torch::ones({3}, torch::kDouble)));
  }
  SECTION("one row each, of any length and dtype") {
    CHECK(pairs_of(mutual_nearest_pairs(1e30 * torch::ones({1, 2}), torch::tensor({{-1.0, 0.0}}, torch::kDouble))) ==
          std::vector<std::pair<int64_t, int64_t>>{{0, 0}});
  }
  CHECK_THROWS_WITH(mutual_nearest_pairs(x, torch::zeros({2, 3})), ContainsSubstring("largest entry 0 for second row 0"));
  CHECK_THROWS_AS(mutual_nearest_pairs(x, torch::ones({2, 4})), ShapeError);
  CHECK_THROWS_AS(mutual_nearest_pairs(x, torch::ones({0, 3})), DataError);
  CHECK_THROWS_AS(mutual_nearest_pairs(x, x, {.neighbours = 0}), ConfigError);
}
