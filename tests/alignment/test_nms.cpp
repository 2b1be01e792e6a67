// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alignment/nms.hpp>

#include <limits>

using namespace alloy;

namespace {

struct Candidates {
  Tensor boxes, scores, classes;
};

Candidates candidates(int64_t count, uint64_t seed) {
  torch::manual_seed(seed);
  const Tensor low = torch::rand({count, 2}) * 20;
  return {torch::cat({low, low + 2 + torch::rand({count, 2}) * 10}, 1), torch::rand({count}), torch::randint(0, 3, {count}, at::kLong)};
}

/// The definition: a box stays if no box that stays and comes before it overlaps it by more.
std::vector<int64_t> slowly(const Candidates& c, double threshold, bool by_class) {
  std::vector<int64_t> order(static_cast<size_t>(c.scores.size(0))), kept;
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i);
  std::stable_sort(order.begin(), order.end(), [&](int64_t i, int64_t j) { return c.scores[i].item<float>() > c.scores[j].item<float>(); });
  const Tensor iou = box_iou(c.boxes, c.boxes);
  for (const int64_t i : order) {
    bool stays = true;
    for (const int64_t j : kept)
      stays = stays && ((by_class && c.classes[i].item<int64_t>() != c.classes[j].item<int64_t>()) || iou[i][j].item<float>() <= threshold);
    if (stays) kept.push_back(i);
  }
  return kept;
}

}  // namespace

TEST_CASE("nms", "[alignment]") {
  const Candidates c = candidates(60, 3);
  for (const double threshold : {0.0, 0.3, 0.7, 1.0}) {
    INFO("threshold " << threshold);
    const Tensor kept = nms(c.boxes, c.scores, threshold);
    CHECK_THAT(kept, SameBits(torch::tensor(slowly(c, threshold, false), at::kLong)));
    const Tensor again = nms(c.boxes.index_select(0, kept), c.scores.index_select(0, kept), threshold);  // idempotent
    CHECK_THAT(again, SameBits(torch::arange(kept.size(0))));
    CHECK_THAT(batched_nms(c.boxes, c.scores, c.classes, threshold), SameBits(torch::tensor(slowly(c, threshold, true), at::kLong)));
    CHECK_THAT(batched_nms(c.boxes, c.scores, torch::zeros_like(c.classes), threshold), SameBits(kept));
  }
  CHECK(nms(c.boxes, c.scores, 1.0).size(0) == 60);
  CHECK(nms(c.boxes, c.scores, 0.3).size(0) < batched_nms(c.boxes, c.scores, c.classes, 0.3).size(0));

  SECTION("ties, thresholds that are met exactly, empty boxes") {
    const Tensor boxes = torch::tensor({{0.0, 0.0, 2.0, 1.0}, {0.0, 0.0, 1.0, 1.0}, {5.0, 5.0, 5.0, 5.0}, {5.0, 5.0, 5.0, 5.0}});
    CHECK_THAT(nms(boxes, torch::ones({4}), 0.5), SameBits(torch::tensor({0, 1, 2, 3})));  // IoU is 0.5, not above it
    CHECK_THAT(nms(boxes, torch::ones({4}), 0.49), SameBits(torch::tensor({0, 2, 3})));
    CHECK_THAT(nms(boxes, torch::tensor({0.0, std::numeric_limits<double>::infinity(), -1.0, -std::numeric_limits<double>::infinity()}), 0.4),
               SameBits(torch::tensor({1, 2, 3})));
    CHECK(nms(torch::zeros({0, 4}), torch::zeros({0}), 0.5).sizes() == at::IntArrayRef({0}));
  }
  SECTION("refused") {
    const Tensor boxes = torch::tensor({{0.0, 0.0, 2.0, 1.0}});
    CHECK_THROWS_AS(nms(boxes, torch::ones({1}), -0.1), ConfigError);
    CHECK_THROWS_AS(nms(boxes, torch::ones({1}), std::numeric_limits<double>::quiet_NaN()), ConfigError);
    CHECK_THROWS_AS(nms(boxes, torch::full({1}, std::numeric_limits<float>::quiet_NaN()), 0.5), DataError);
    CHECK_THROWS_AS(nms(torch::tensor({{2.0, 0.0, 0.0, 1.0}}), torch::ones({1}), 0.5), DataError);
    CHECK_THROWS_AS(nms(boxes, torch::ones({2}), 0.5), ShapeError);
    CHECK_THROWS_AS(batched_nms(boxes, torch::ones({1}), torch::ones({1}), 0.5), ShapeError);
  }
}
