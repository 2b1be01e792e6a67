// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alignment/dtw_matrix.hpp>
#include <alloy/core/threads.hpp>

#include <limits>

using namespace alloy;

namespace {

/// Lengths that differ, more of them than vectors have lanes, and not a multiple of that.
std::vector<Tensor> set_of(int64_t count, int64_t width, uint64_t seed, at::ScalarType type = at::kDouble, int64_t least = 3, int64_t spread = 9) {
  torch::manual_seed(seed);
  std::vector<Tensor> all;
  for (int64_t n = 0; n < count; ++n) {
    const int64_t steps = least + n * 7 % spread;
    all.push_back((width == 0 ? torch::randn({steps}, torch::kDouble) : torch::randn({steps, width}, torch::kDouble)).to(type));
  }
  return all;
}

/// Every entry is what dtw says, pair by pair.
void check_pairs(const Tensor& matrix, const std::vector<Tensor>& xs, const std::vector<Tensor>& ys, const DtwOptions& options, double tolerance) {
  REQUIRE(matrix.sizes() == at::IntArrayRef({std::ssize(xs), std::ssize(ys)}));
  CHECK(matrix.scalar_type() == xs[0].scalar_type());
  double worst = 0;
  for (size_t n = 0; n < xs.size(); ++n)
    for (size_t m = 0; m < ys.size(); ++m)
      worst =
          std::max(worst, std::abs(matrix[static_cast<int64_t>(n)][static_cast<int64_t>(m)].item<double>() - dtw(xs[n], ys[m], options).distance));
  CHECK(worst <= tolerance);
}

}  // namespace

TEST_CASE("dtw_distance_matrix is dtw pair by pair", "[alignment]") {
  SECTION("within a set of any size") {
    for (const int64_t count : {1, 2, 7, 8, 9, 16, 17, 37}) {
      INFO(count);
      const auto set = set_of(count, 0, static_cast<uint64_t>(count));
      const Tensor matrix = dtw_distance_matrix(set);
      check_pairs(matrix, set, set, {}, 1e-12);
      CHECK(matrix.equal(matrix.t()));
      CHECK(matrix.diagonal().eq(0).all().item<bool>());
    }
  }
  SECTION("in float, of several numbers a step, by the root of the cost") {
    for (const auto cost : {DtwCost::squared_euclidean, DtwCost::euclidean})
      for (const int64_t width : {0, 1, 5}) {
        const auto set = set_of(35, width, 2, at::kFloat);
        check_pairs(dtw_distance_matrix(set, {.cost = cost}), set, set, {.cost = cost}, 2e-5);
      }
  }
  SECTION("between sets, of which either may be the smaller") {
    const auto few = set_of(3, 2, 3), many = set_of(45, 2, 4);
    check_pairs(dtw_distances_between(few, many), few, many, {}, 1e-12);
    check_pairs(dtw_distances_between(many, few), many, few, {}, 1e-12);
    check_pairs(dtw_distances_between(many, many), many, many, {}, 1e-12);
  }
  SECTION("within bands, whose edges cross the blocks of rows") {
    const auto set = set_of(21, 0, 5, at::kDouble, 12, 9);
    for (const int64_t radius : {8, 9, 12, 30}) check_pairs(dtw_distance_matrix(set, {.radius = radius}), set, set, {.radius = radius}, 1e-12);
    check_pairs(dtw_distance_matrix(set, {.max_slope = 2.5}), set, set, {.max_slope = 2.5}, 1e-12);
    const auto same = set_of(21, 0, 6, at::kDouble, 50, 1);
    for (const int64_t radius : {0, 1, 3, 20}) check_pairs(dtw_distance_matrix(same, {.radius = radius}), same, same, {.radius = radius}, 1e-12);
  }
  SECTION("with open ends, where it is not symmetric") {
    const auto set = set_of(19, 2, 7, at::kDouble, 12, 9);
    for (const auto& [ends, name] : enum_names(DtwEnds{})) {
      INFO(name);
      check_pairs(dtw_distance_matrix(set, {.ends = ends}), set, set, {.ends = ends}, 1e-12);
      check_pairs(dtw_distance_matrix(set, {.radius = 9, .ends = ends}), set, set, {.radius = 9, .ends = ends}, 1e-12);
    }
  }
}

TEST_CASE("dtw_distance_matrix has the same bits on any number of threads", "[alignment]") {
  const auto set = set_of(60, 1, 8, at::kFloat, 60, 20);
  Tensor one, two;
  {
    const ThreadScope scope(1);
    one = dtw_distance_matrix(set);
  }
  {
    const ThreadScope scope(2);
    two = dtw_distance_matrix(set);
  }
  CHECK_THAT(two, SameBits(one));
  CHECK_THAT(dtw_distances_between(set, set), AllClose(one, 1e-5));
}

TEST_CASE("dtw_distance_matrix reports and stops", "[alignment]") {
  const auto set = set_of(40, 0, 9);
  for (const int count : {1, 2}) {
    const ThreadScope scope(count);
    int64_t done = 0, total = 0;
    dtw_distance_matrix(set, {}, {.progress = [&](const Progress& p) { done = p.done, total = p.total; }});
    CHECK(done == total);
    CHECK(total > 1);
    DtwCallbacks callbacks;
    callbacks.cancel.cancel();
    CHECK_THROWS_AS(dtw_distance_matrix(set, {}, callbacks), CancelledError);
  }
}

TEST_CASE("what dtw_distance_matrix refuses", "[alignment]") {
  auto set = set_of(20, 2, 10);
  CHECK_THROWS_WITH(dtw_distance_matrix(std::vector<Tensor>{}), ContainsSubstring("at least one series"));
  CHECK_THROWS_AS(dtw_distances_between(set, std::vector<Tensor>{}), DataError);
  CHECK_THROWS_WITH(dtw_distance_matrix(set, {.radius = 5}), ContainsSubstring("a radius of at least 8 for series of 11 and 3 steps"));
  CHECK_THROWS_WITH(dtw_distance_matrix(set, {.max_slope = 1}), ContainsSubstring("a max_slope of at least"));
  CHECK_THROWS_AS(dtw_distances_between(set, set_of(2, 3, 1)), ShapeError);
  set[11] = torch::zeros({4, 2});
  CHECK_THROWS_WITH(dtw_distance_matrix(set), ContainsSubstring("one dtype") && ContainsSubstring("float32 [4, 2]"));
  set[11] = torch::zeros({0, 2}, torch::kDouble);
  CHECK_THROWS_WITH(dtw_distance_matrix(set), ContainsSubstring("series 11"));
  set[11] = torch::zeros({4, 2}, torch::kDouble);
  set[11][3][1] = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(dtw_distance_matrix(set), ContainsSubstring("step 3 of series 11"));
  set[11] = torch::full({4, 2}, 1e200, torch::kDouble);
  CHECK_THROWS_WITH(dtw_distance_matrix(set), ContainsSubstring("infinity for series 0 and 11"));
}
