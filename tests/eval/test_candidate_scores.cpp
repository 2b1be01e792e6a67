// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core/error.hpp>
#include <alloy/core/random.hpp>
#include <alloy/eval/candidate_scores.hpp>

using namespace alloy;

TEST_CASE("candidate scores", "[eval]") {
  const Tensor scores = torch::tensor({{0.9, 0.5, 0.1, 0.0}, {0.9, 0.5, 0.5, 0.0}, {0.9, 0.5, 0.1, 0.2}});
  const Tensor candidates = torch::tensor({{true, true, true, true}, {false, true, true, true}, {true, false, true, true}});
  const Tensor right = torch::tensor({int64_t{1}, int64_t{1}, int64_t{2}});
  SECTION("values by hand: what is no candidate does not count, ties share") {
    const CandidateScores found = candidate_scores(scores, candidates, right);
    CHECK_THAT(found.hits, AllClose(torch::tensor({0.0, 0.5, 0.0}, torch::kDouble)));
    CHECK_THAT(found.ranks, AllClose(torch::tensor({2.0, 1.5, 3.0}, torch::kDouble)));
    CHECK_THAT(found.chance, AllClose(torch::tensor({0.25, 1 / 3.0, 1 / 3.0}, torch::kDouble)));
    CHECK(found.r1.score.value == Approx(0.5 / 3));
    CHECK(found.r1.chance == Approx((0.25 + 2 / 3.0) / 3));
  }
  SECTION("with all items as candidates the same as retrieval_scores") {
    const Tensor square = torch::rand({12, 12}), all = torch::ones({12, 12}, torch::kBool), self = torch::arange(12);
    const CandidateScores found = candidate_scores(square, all, self);
    const RetrievalScores reference = retrieval_scores(square);
    CHECK(found.r1.score.value == Approx(reference.at("R@1").score.value));
    CHECK(found.r1.chance == Approx(reference.at("R@1").chance));
    CHECK_THAT(found.ranks, AllClose(reference.ranks));
  }
  SECTION("-infinity is an answer, NaN is none, and what is no candidate may be either") {
    const double kNone = -INFINITY;
    const Tensor odd = torch::tensor({{kNone, kNone, static_cast<double>(NAN)}}), may = torch::tensor({{true, true, false}});
    CHECK(candidate_scores(odd, may, torch::tensor({int64_t{0}})).r1.score.value == Approx(0.5));
    CHECK_THROWS_WITH(candidate_scores(odd, torch::ones({1, 3}, torch::kBool), torch::tensor({int64_t{0}})), ContainsSubstring("query 0 and item 2"));
  }
  SECTION("clusters widen the interval: their queries are not independent") {
    Random random(1);
    std::vector<double> values;
    std::vector<int64_t> clusters;
    for (int64_t cluster = 0; cluster < 20; ++cluster) {
      const double share = cluster % 2 == 0 ? 0.9 : 0.1;
      for (int i = 0; i < 50; ++i) values.push_back(random.chance(share) ? 1 : 0), clusters.push_back(7 * cluster);
    }
    const Tensor v = torch::tensor(values, torch::kDouble);
    const Score apart = clustered_mean(v, torch::tensor(clusters)), alone = clustered_mean(v, {});
    CHECK(apart.value == Approx(alone.value));
    CHECK(apart.high - apart.low > 3 * (alone.high - alone.low));
    CHECK(alone.high - alone.low == Approx(4 * 0.5 / std::sqrt(1000)).epsilon(0.15));  // four standard errors
  }
  SECTION("what does not fit") {
    CHECK_THROWS_WITH(candidate_scores(scores, candidates, torch::tensor({int64_t{0}, int64_t{0}, int64_t{0}})),
                      ContainsSubstring("query 1 among its candidates"));
    CHECK_THROWS_AS(candidate_scores(scores, candidates, torch::tensor({int64_t{9}, int64_t{1}, int64_t{2}})), DataError);
    CHECK_THROWS_AS(candidate_scores(scores, candidates.slice(0, 0, 2), right), ShapeError);
    CHECK_THROWS_AS(candidate_scores(scores, candidates, right, torch::zeros({2}, torch::kLong)), ShapeError);
    CHECK_THROWS_AS(clustered_mean(torch::zeros({0}), {}), DataError);
    CHECK_THROWS_AS(clustered_mean(torch::full({2}, NAN), {}), DataError);
  }
}
