// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alignment/assign.hpp>

#include <algorithm>
#include <limits>
#include <numeric>

using namespace alloy;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The least total over all ways to give min(N, M) pairs; infinity if there is none.
double by_trying_all(const Tensor& costs) {
  const Tensor c = costs.size(0) <= costs.size(1) ? costs : costs.t();
  std::vector<int64_t> order(static_cast<size_t>(c.size(1)));
  std::iota(order.begin(), order.end(), int64_t{0});
  double best = kInfinity;
  do {
    double sum = 0;
    for (int64_t i = 0; i < c.size(0); ++i) sum += c[i][order[static_cast<size_t>(i)]].item<double>();
    best = std::min(best, sum);
  } while (std::next_permutation(order.begin(), order.end()));
  return best;
}

}  // namespace

TEST_CASE("assign", "[alignment]") {
  torch::manual_seed(2);
  SECTION("no permutation is better") {
    for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>{1, 1}, {5, 5}, {3, 6}, {6, 2}, {1, 5}})
      for (int repeat = 0; repeat < 4; ++repeat) {
        const Tensor costs = torch::randn({rows, columns}, at::kDouble);
        const Assignment found = assign(costs);
        CHECK(found.rows.size(0) == std::min(rows, columns));
        CHECK_THAT(found.total, WithinAbs(by_trying_all(costs), 1e-12));
        CHECK_THAT(assign(-costs, AssignGoal::greatest_score).total, WithinAbs(-found.total, 1e-12));
        CHECK(std::get<0>(at::_unique(found.columns)).size(0) == found.columns.size(0));
      }
  }
  SECTION("forbidden pairs") {
    int infeasible = 0;
    for (int repeat = 0; repeat < 40; ++repeat) {
      const Tensor costs = torch::randn({4, 5}, at::kDouble).masked_fill(torch::rand({4, 5}) < 0.55, kInfinity);
      const double best = by_trying_all(costs);
      if (std::isinf(best)) {
        ++infeasible;
        CHECK_THROWS_AS(assign(costs), DataError);
        CHECK_THROWS_AS(assign(costs.t()), DataError);
      } else {
        CHECK_THAT(assign(costs).total, WithinAbs(best, 1e-12));
        CHECK_THAT(assign(-costs.t(), AssignGoal::greatest_score).total, WithinAbs(-best, 1e-12));
      }
    }
    CHECK(infeasible > 2);
    CHECK(infeasible < 38);
    CHECK_THROWS_WITH(assign(torch::tensor({{1.0, 2.0}, {kInfinity, kInfinity}})), ContainsSubstring("leave none for row 1"));
    CHECK_THROWS_WITH(assign(torch::tensor({{1.0, kInfinity}, {2.0, kInfinity}, {3.0, kInfinity}})), ContainsSubstring("leave none for column 1"));
  }
  SECTION("float, large numbers, nothing at all") {
    const Tensor costs = torch::tensor({{1e30, 2e30}, {1e30, 1.5e30}});
    CHECK_THAT(assign(costs).columns, SameBits(torch::tensor({0, 1})));
    CHECK(assign(torch::zeros({0, 3})).rows.size(0) == 0);
    CHECK(assign(torch::zeros({3, 0})).total == 0);
  }
  SECTION("refused") {
    CHECK_THROWS_AS(assign(torch::full({1, 1}, std::numeric_limits<double>::quiet_NaN())), DataError);
    CHECK_THROWS_WITH(assign(torch::full({1, 1}, -kInfinity)), ContainsSubstring("infinitely good"));
    CHECK_THROWS_AS(assign(torch::full({1, 1}, kInfinity), AssignGoal::greatest_score), DataError);
    CHECK_THROWS_AS(assign(torch::zeros({2})), ShapeError);
    CHECK_THROWS_AS(assign(torch::zeros({2, 2}, at::kLong)), ShapeError);
  }
}

TEST_CASE("assign_batch", "[alignment]") {
  torch::manual_seed(3);
  const Tensor costs = torch::randn({3, 4, 5}, at::kDouble),
               rows = torch::tensor({{true, true, true, true}, {true, false, true, false}, {false, false, false, false}});
  const Tensor columns = torch::tensor({{true, true, true, true, true}, {false, true, true, true, false}, {true, true, true, true, true}});
  const Tensor spoilt = costs.masked_fill(rows.logical_not().unsqueeze(2), std::numeric_limits<double>::quiet_NaN())
                            .masked_fill(columns.logical_not().unsqueeze(1), -kInfinity);
  const Tensor found = assign_batch(spoilt, rows, columns);
  CHECK_THAT(found[0], SameBits(assign(costs[0]).columns));
  const Assignment inner = assign(costs[1].index_select(0, torch::tensor({0, 2})).slice(1, 1, 4));
  CHECK_THAT(found[1],
             SameBits(torch::tensor({inner.columns[0].item<int64_t>() + 1, int64_t{-1}, inner.columns[1].item<int64_t>() + 1, int64_t{-1}})));
  CHECK_THAT(found[2], SameBits(torch::full({4}, -1, at::kLong)));
  CHECK_THAT(assign_batch(costs)[2], SameBits(assign(costs[2]).columns));
  const Tensor one_column = torch::tensor({{true, false, false, false, false}}).expand({3, 5});
  CHECK(assign_batch(costs, {}, one_column).ge(0).sum().item<int64_t>() == 3);  // more rows than columns: one each
  CHECK_THROWS_WITH(assign_batch(costs.index_fill(0, torch::tensor({1}), kInfinity)), ContainsSubstring("[assign_batch, sample 1]"));
  CHECK_THROWS_AS(assign_batch(costs, torch::ones({3, 3}, at::kBool)), ShapeError);
}
