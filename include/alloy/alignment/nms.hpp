// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Non-maximum suppression: of boxes that overlap, only the one of the highest score stays.

#include <alloy/alignment/boxes.hpp>

namespace alloy {

/// Takes boxes by falling score, of equal scores the earlier row first, and drops each whose IoU with one that was taken is above
/// the threshold. The same as torchvision's and ONNX's. N^2 steps at most; no gradient.
/// @param boxes   [N, 4], see check_boxes
/// @param scores  [N], floating, no NaN; infinities are allowed
/// @param iou_threshold  0..1
/// @return int64 [K]: the rows that stay, by falling score
/// @throws ShapeError, ConfigError; DataError for a box that is refused and for NaN in scores
ALLOY_API Tensor nms(const Tensor& boxes, const Tensor& scores, double iou_threshold);
/// The same within each class for itself: boxes of different classes never drop each other.
/// @param classes  int64 [N], any numbers
ALLOY_API Tensor batched_nms(const Tensor& boxes, const Tensor& scores, const Tensor& classes, double iou_threshold);

}  // namespace alloy
