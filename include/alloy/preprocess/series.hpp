// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Time series as sensors give them (stamps out of order or repeated, gaps as NaN, channels at rates of their own) to
/// windows of equal length. In order:
///
///     Series series = sort_and_merge({.times = times, .values = values});
///     const SeriesScaler scaler = fit_scaler(series.values);               // on training data only
///     series.values = scaler.apply(series.values);
///     SeriesWindows windows = series_windows(series, {.window_size = 128, .hop_size = 64});
///
/// A value that is not finite is a gap. Tensors are float32 or float64 on the CPU; everything takes linear time in
/// T C but for sorting stamps that are out of order.

#include <alloy/core/options.hpp>
#include <alloy/core/tensor.hpp>

#include <array>
#include <utility>
#include <vector>

namespace alloy {

struct Series {
  Tensor times;   ///< [T] float64, seconds, finite
  Tensor values;  ///< [T, C]; a value that is not finite is a gap
};

/// Ascending stamps, each once: what stands at one stamp is averaged channel by channel, gaps left out of the mean. A
/// channel with gaps alone at a stamp stays a gap (NaN). So channels measured at different times can simply be listed
/// below each other, with gaps in the other channels.
/// @param series  T > 0, C > 0; times of any order, floating or integer dtype
/// @return T' <= T steps; times float64
/// @throws ShapeError; DataError that names the first stamp that is not finite
ALLOY_API Series sort_and_merge(const Series& series);

/// forward: the last value measured before the gap (0 before the first). zero: 0, which after scaling is the mean.
enum class GapFill { forward, zero };
constexpr auto enum_names(GapFill) {
  return std::to_array<std::pair<GapFill, std::string_view>>({{GapFill::forward, "forward"}, {GapFill::zero, "zero"}});
}

struct FilledSeries {
  Tensor values;    ///< [T, C], finite
  Tensor measured;  ///< [T, C] bool, false where a gap was filled
};
/// @param values  [T, C]
ALLOY_API FilledSeries fill_gaps(const Tensor& values, GapFill fill);

/// Mean and standard deviation of each channel, as a config holds them.
struct SeriesScaler {
  std::vector<double> mean = {};
  std::vector<double> std = {};
  static void describe(auto& self, auto&& field) {
    field("mean", self.mean, "of each channel, in its unit");
    field("std", self.std, "standard deviation of each channel, >= 0; a channel with 0 was constant");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
  /// (values - mean) / std; a channel that was constant gives 0 whatever it holds now; gaps stay gaps.
  /// @param values  [T, C] or [N, L, C]
  /// @throws ShapeError if C is not the number of channels fitted
  ALLOY_API Tensor apply(const Tensor& values) const;
  /// Back to the units of the channels; gaps stay gaps.
  ALLOY_API Tensor invert(const Tensor& values) const;
};
/// Over all that is no gap, dividing by the number of values. A channel of gaps alone gets mean 0 and std 0.
/// @param values  [T, C]
/// @throws ShapeError; DataError for values so large that their variance is not finite
ALLOY_API SeriesScaler fit_scaler(const Tensor& values);

/// What becomes of steps at the end that fill no whole window: a last window padded with zeros under mask = false, or
/// nothing. A series shorter than a window is padded either way.
enum class SeriesTail { pad, drop };
constexpr auto enum_names(SeriesTail) {
  return std::to_array<std::pair<SeriesTail, std::string_view>>({{SeriesTail::pad, "pad"}, {SeriesTail::drop, "drop"}});
}

struct SeriesWindowOptions {
  int64_t window_size = 128;
  int64_t hop_size = 64;
  GapFill fill = GapFill::forward;
  SeriesTail tail = SeriesTail::pad;
  static void describe(auto& self, auto&& field) {
    field("window_size", self.window_size, "steps a window, 1..16777216");
    field("hop_size", self.hop_size, "steps from window to window, 1..16777216");
    field("fill", self.fill, "what stands in gaps");
    field("tail", self.tail, "what becomes of steps at the end that fill no whole window");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

struct SeriesWindows {
  Tensor values;  ///< [N, L, C], finite
  Tensor mask;    ///< [N, L] bool, true where at least one channel was measured; no row is all false
  Tensor times;   ///< [N, L] float64 seconds; under padding, the last stamp
};

/// Windows without a single measured step are left out. Copies N L C values: a hop much smaller than the window
/// multiplies the series.
/// @param series  stamps strictly ascending, as sort_and_merge gives them
/// @throws ShapeError; DataError if stamps are not strictly ascending or nothing at all was measured
ALLOY_API SeriesWindows series_windows(const Series& series, const SeriesWindowOptions& options);

}  // namespace alloy
