// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Whether a model points at the right place of a picture and prefers what is true, with intervals, and pictures of where it pointed.

#include <alloy/core/tensor.hpp>
#include <alloy/eval/metrics.hpp>
#include <alloy/io/image_file.hpp>

namespace alloy {

/// Mean of values, such as hits or their differences, with an interval from a bootstrap over groups, not over single values: phrases of one picture
/// rise and fall together. Of few groups (less than 50) a bootstrap's interval is too narrow: it is widened by Student's t over the normal
/// quantile and by sqrt(k / (k - 1)), within the range of the values; of one group there is none (NaN).
/// @param values  float or bool [P] @param groups  int64 [P], >= 0; undefined = each value is a group of its own
/// @throws ShapeError; DataError without values or for a negative group
ALLOY_API Score grouped_mean(const Tensor& values, const Tensor& groups = {}, const BootstrapOptions& options = {});

/// 1 where `of_true` is greater, 0 where `of_false` is, one half where they are equal within 1e-6: who cannot tell them apart gets one half.
/// @param of_true, of_false  [N] scores @return float [N]
ALLOY_API Tensor preference(const Tensor& of_true, const Tensor& of_false);

struct PointingPictureOptions {
  int64_t zoom = 4;              ///< pixels a pixel, 1..32
  double low = 0.0, high = 1.2;  ///< values that are black and white
};
/// A grey picture with a cross where it was pointed at and the outline of what would have been right.
/// @param picture  float [H, W] @param right  bool [H, W], undefined = no outline @param row, column  in pixels of the picture; negative = no cross
ALLOY_API Image pointing_picture(const Tensor& picture, const Tensor& right, double row, double column, const PointingPictureOptions& options = {});

}  // namespace alloy
