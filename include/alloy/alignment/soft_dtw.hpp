// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Soft-DTW (Cuturi & Blondel 2017): DTW with a soft minimum over all paths, -gamma log sum exp(-cost / gamma), which has a
/// gradient everywhere and tends to the least sum of squares as gamma tends to 0. For training: series in, batched, a loss out.
///
///     auto loss = soft_dtw_divergence({predicted, lengths}, {target, target_lengths}, {.gamma = 0.1}).mean();
///
/// The gradient is computed with the value, if it is wanted, so memory beyond the inputs is O(T sqrt T) a pair and not O(T^2).
/// Once differentiable. float32 or float64 on the CPU.

#include <alloy/core/options.hpp>
#include <alloy/core/tensor.hpp>

namespace alloy {

/// Series padded at their ends to one length. What stands in the padding, NaN too, changes nothing.
struct PaddedSeries {
  Tensor values;        ///< [B, T] or [B, T, D]
  Tensor lengths = {};  ///< [B] int64, 1..T; undefined: all T. Of a mask [B, T]: mask.sum(1)
};

struct SoftDtwOptions {
  double gamma = 1;
  int64_t radius = -1;
  static void describe(auto& self, auto&& field) {
    field("gamma", self.gamma, "softness, > 0, in the unit of a squared difference: DTW as it tends to 0, all paths alike as it grows");
    field("radius", self.radius, "Sakoe-Chiba band: only |i - j| <= radius steps; at least the difference of the lengths of a pair; -1 = no band");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// Soft minimum over all paths of the sum of |x_i - y_j|^2 (eq. 1 with algorithm 1). May be below 0, and soft_dtw(x, x) is not its least
/// value: as a distance use the divergence.
/// @return [B], with gradients by the values of both
/// @throws ShapeError if B, D or dtypes differ; DataError for lengths out of range, and naming the first sample with a real step that is
///         not finite; ConfigError for a band too narrow for a sample, which says the one that would do
ALLOY_API Tensor soft_dtw(const PaddedSeries& x, const PaddedSeries& y, const SoftDtwOptions& options = {});

/// soft_dtw(x, y) - (soft_dtw(x, x) + soft_dtw(y, y)) / 2: at least 0 and 0 only of equal series, with x = y as a minimum
/// (Blondel, Mensch & Vert 2021, eq. 8). Takes three times as long.
ALLOY_API Tensor soft_dtw_divergence(const PaddedSeries& x, const PaddedSeries& y, const SoftDtwOptions& options = {});

/// The expected alignment: [B, Tx, Ty], how probable it is that a path visits a pair of steps where paths have the weights
/// exp(-cost / gamma); 1 along DTW's path as gamma tends to 0, 0 in the padding (the gradient by the costs; algorithm 2).
/// Without gradients.
ALLOY_API Tensor soft_dtw_alignment(const PaddedSeries& x, const PaddedSeries& y, const SoftDtwOptions& options = {});

}  // namespace alloy
