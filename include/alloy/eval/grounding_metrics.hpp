// SPDX-License-Identifier: Apache-2.0
#pragma once

/// How well phrases are found in pictures: does the middle of the box lie in the right one, and do the boxes agree.

#include <alloy/eval/metrics.hpp>

namespace alloy {

/// Whether the middle of each candidate lies in the right box ("pointing game", Zhang et al. 2016); a border belongs to the box.
/// @param boxes  [N, K, 4], x1 y1 x2 y2 @param truth  [N, 4] @return bool [N, K]
/// @throws ShapeError; DataError for NaN
ALLOY_API Tensor pointing_hits(const Tensor& boxes, const Tensor& truth);

/// Share of queries whose box points right. @param boxes, truth  [N, 4], the box chosen for each query and the right one
/// @throws as above; DataError without queries
ALLOY_API Score pointing_accuracy(const Tensor& boxes, const Tensor& truth, const BootstrapOptions& options = {});

/// Share of queries of which one of the first k boxes has an IoU of at least `iou` with the right one. A box without area agrees with none.
/// @param boxes  [N, K, 4], best first (or [N, 4] for k = 1)
/// @throws as above; ConfigError unless 1 <= k <= K and 0 < iou <= 1
ALLOY_API Score recall_at_iou(const Tensor& boxes, const Tensor& truth, double iou = 0.5, int64_t k = 1, const BootstrapOptions& options = {});

}  // namespace alloy
