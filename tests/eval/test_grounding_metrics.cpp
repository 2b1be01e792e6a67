// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/eval/grounding_metrics.hpp>

#include <limits>

using namespace alloy;

TEST_CASE("pointing_accuracy and recall_at_iou", "[eval]") {
  const Tensor truth = torch::tensor({{0.0, 0.0, 4.0, 4.0}, {10.0, 10.0, 14.0, 12.0}, {0.0, 0.0, 2.0, 2.0}, {5.0, 5.0, 7.0, 7.0}});
  // right and alike; the middle inside but a box far too large; the middle on the border; elsewhere
  const Tensor boxes = torch::tensor({{0.0, 0.0, 4.0, 2.0}, {0.0, 0.0, 24.0, 22.0}, {1.0, 1.0, 3.0, 3.0}, {0.0, 0.0, 1.0, 1.0}});
  CHECK_THAT(pointing_hits(boxes.unsqueeze(1), truth).squeeze(1), SameBits(torch::tensor({true, true, true, false})));
  const Score pointing = pointing_accuracy(boxes, truth);
  CHECK(pointing.value == 0.75);
  CHECK(pointing.low < 0.75);
  CHECK(pointing.high > 0.75);
  CHECK(recall_at_iou(boxes, truth).value == 0.25);  // an IoU of 0.5 exactly counts
  CHECK(recall_at_iou(boxes, truth, 0.51).value == 0);
  CHECK(recall_at_iou(boxes, truth, 0.1).value == 0.5);
  const Tensor ranked = torch::stack({boxes, truth}, 1);
  CHECK(recall_at_iou(ranked, truth, 1.0, 2).value == 1);
  CHECK(recall_at_iou(ranked, truth, 0.5, 1).value == 0.25);
  CHECK(pointing_hits(ranked, truth).select(1, 1).all().item<bool>());
  const Tensor point = torch::tensor({{1.0, 1.0, 1.0, 1.0}});
  CHECK(recall_at_iou(point, point).value == 0);
  CHECK_THROWS_AS(pointing_accuracy(torch::zeros({0, 4}), torch::zeros({0, 4})), DataError);
  CHECK_THROWS_AS(pointing_accuracy(boxes, torch::full({4, 4}, std::numeric_limits<float>::quiet_NaN())), DataError);
  CHECK_THROWS_AS(pointing_accuracy(ranked, truth), ShapeError);
  CHECK_THROWS_AS(pointing_accuracy(boxes, truth.slice(0, 1)), ShapeError);
  CHECK_THROWS_AS(recall_at_iou(ranked, truth, 0.5, 3), ConfigError);
  CHECK_THROWS_AS(recall_at_iou(ranked, truth, 0), ConfigError);
}
