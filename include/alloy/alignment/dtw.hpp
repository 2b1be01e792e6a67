// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Dynamic time warping: the cheapest way to lay two series of different tempo along each other (Sakoe & Chiba 1978). A path
/// begins at the first steps of both series, ends at the last ones, and goes on by one step in either or in both; its cost is
/// the sum of the costs of the pairs of steps it visits. Exact; no gradients: for those there is soft_dtw.
///
///     auto [distance, path] = dtw(query, reference, {.radius = 20});   // path [K, 2]: step of the one, step of the other
///
/// Series are float32 or float64 on the CPU, [T] or [T, D], finite; computed in their own dtype.

#include <alloy/core/options.hpp>
#include <alloy/core/progress.hpp>
#include <alloy/core/tensor.hpp>

#include <array>

namespace alloy {

/// Of a pair of steps. squared_euclidean: |x_i - y_j|^2, and the root of the sum is the distance. euclidean: |x_i - y_j|, of one
/// number a step the absolute difference, and the sum is the distance.
enum class DtwCost { squared_euclidean, euclidean };
constexpr auto enum_names(DtwCost) {
  return std::to_array<std::pair<DtwCost, std::string_view>>({{DtwCost::squared_euclidean, "squared_euclidean"}, {DtwCost::euclidean, "euclidean"}});
}

/// Where a path may begin and end in y; x is always used whole. open: x is looked for within y ("subsequence DTW").
enum class DtwEnds { closed, open_begin, open_end, open };
constexpr auto enum_names(DtwEnds) {
  return std::to_array<std::pair<DtwEnds, std::string_view>>(
      {{DtwEnds::closed, "closed"}, {DtwEnds::open_begin, "open_begin"}, {DtwEnds::open_end, "open_end"}, {DtwEnds::open, "open"}});
}

struct DtwOptions {
  DtwCost cost = DtwCost::squared_euclidean;
  int64_t radius = -1;
  double max_slope = 0;
  DtwEnds ends = DtwEnds::closed;
  int64_t max_path_mb = 2048;
  static void describe(auto& self, auto&& field) {
    field("cost", self.cost, "of a pair of steps");
    field("radius", self.radius, "Sakoe-Chiba band: only |i - j| <= radius steps; at least the difference of the lengths; -1 = no band");
    field("max_slope", self.max_slope,
          "Itakura parallelogram: where the path is at a share u of x and v of y, u / slope <= v <= slope u, and the same seen from the end; >= 1; 0 "
          "= none");
    field("ends", self.ends, "where a path may begin and end in y");
    field("max_path_mb", self.max_path_mb,
          "limit of the memory that finding a path takes, a byte for each pair of steps within the band, in 10^6 bytes");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

struct DtwCallbacks {
  ProgressCallback progress = {};
  CancelToken cancel = {};
};

struct DtwResult {
  double distance = 0;
  Tensor path;  ///< [K, 2] int64, steps of x and of y from the begin of the path to its end; max(Tx, Ty) <= K < Tx + Ty with closed ends
};

/// The least distance and a path that has it: of several, one with steps in both series rather than in x alone, and those rather than in y.
/// @param x  [Tx] or [Tx, D] @param y  [Ty] or [Ty, D], of the same dtype
/// @throws ShapeError if dtypes or widths differ; DataError for a series without steps, and naming the first step that is not
///         finite; DataError where a sum overflows; ConfigError for a band that no path fits into, which says the one that would do,
///         and for a path of more memory than allowed; CancelledError
ALLOY_API DtwResult dtw(const Tensor& x, const Tensor& y, const DtwOptions& options = {}, const DtwCallbacks& callbacks = {});

/// The distance alone: memory for a row of the table, and faster.
ALLOY_API double dtw_distance(const Tensor& x, const Tensor& y, const DtwOptions& options = {}, const DtwCallbacks& callbacks = {});

}  // namespace alloy
