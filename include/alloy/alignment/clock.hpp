// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Streams that were measured at times of their own, brought to one clock:
///
///     Tensor clock = uniform_clock(0.0, 10.0, 25.0);                                  // [250] the times of video frames
///     Clocked imu = resample_to_clock({.values = v, .times = t}, clock, {.method = ClockMethod::linear, .max_gap_seconds = 0.1});
///
/// What has nothing near it is masked, never invented. Differentiable in the values, once. A clock that runs wrong is put right
/// before: `times = delay + (1 + drift) * times`, see delay.hpp.

#include <alloy/core/options.hpp>
#include <alloy/core/tensor.hpp>

#include <array>
#include <limits>
#include <utility>

namespace alloy {

/// Times are seconds of any floating or integer dtype, in any order. Values at one stamp count as their mean.
struct TimedStream {
  Tensor values;  ///< [T, ...] or [B, T, ...] floating
  Tensor times;   ///< [T] or [B, T], finite where the mask is true
  Tensor mask;    ///< [T] or [B, T] bool, true = was measured; undefined = all. What it hides, NaN included, changes nothing
};

/// nearest: the stamp nearest to the tick, the earlier of two equally near. linear: on the line between the stamps around the tick;
/// nothing before the first and after the last. window_mean: the mean of all values with a time in [tick - w/2, tick + w/2).
enum class ClockMethod { nearest, linear, window_mean };
constexpr auto enum_names(ClockMethod) {
  return std::to_array<std::pair<ClockMethod, std::string_view>>(
      {{ClockMethod::nearest, "nearest"}, {ClockMethod::linear, "linear"}, {ClockMethod::window_mean, "window_mean"}});
}

/// What a value that is not finite means. missing: it was not measured; each channel is then a stream of its own. reject: a DataError
/// names it. keep: it is a value as any other, and goes where its stamp goes.
enum class NonFiniteValue { missing, reject, keep };
constexpr auto enum_names(NonFiniteValue) {
  return std::to_array<std::pair<NonFiniteValue, std::string_view>>(
      {{NonFiniteValue::missing, "missing"}, {NonFiniteValue::reject, "reject"}, {NonFiniteValue::keep, "keep"}});
}

struct ClockOptions {
  ClockMethod method = ClockMethod::linear;
  double max_gap_seconds = std::numeric_limits<double>::infinity();
  double window_seconds = 0;
  NonFiniteValue non_finite = NonFiniteValue::missing;
  static void describe(auto& self, auto&& field) {
    field("method", self.method, "how a value at a tick is made");
    field("max_gap_seconds", self.max_gap_seconds,
          "> 0. linear: stamps farther apart are not joined; nearest: the farthest a stamp may lie from its tick; window_mean: not read");
    field("window_seconds", self.window_seconds,
          "width w of window_mean's windows, >= 0; 0 = from halfway to the tick before to halfway to the next, so that each value counts once");
    field("non_finite", self.non_finite, "what NaN and infinity mean");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

struct Clocked {
  Tensor values;    ///< [S, ...] or [B, S, ...]; 0 where not measured
  Tensor mask;      ///< [S] or [B, S] bool: something was measured; what encoders take as their mask
  Tensor measured;  ///< as `values`, bool: differs from the mask only where channels have gaps of their own
};

/// A tick that rounding puts beside a stamp, by 1e-9 s or 4 units in the last place of its double, counts as on it. Streams that are
/// shared by all rows of a batch, or clocks, are given once: [T, ...] with [B, S] is an error, [B, T, ...] with [S] is not.
/// Takes T log T + S steps a stream (T + S if sorted; window_mean: the number of pairs of value and window), B C streams if channels
/// have gaps of their own. No step at all gives a mask of false.
/// @param clock  [S] or [B, S] floating, seconds, finite, strictly ascending, S > 0
/// @return on the device of the values, in their dtype; the mask there too
/// @throws ShapeError; DataError naming the first stamp, tick or value that does not fit
ALLOY_API Clocked resample_to_clock(const TimedStream& stream, const Tensor& clock, const ClockOptions& options = {});

/// Ticks start + i / rate_hz in [start, stop), each rounded once: no error adds up.
/// @return [S] float64 @throws ConfigError unless start < stop, rate_hz > 0 and at most 2^31 ticks
ALLOY_API Tensor uniform_clock(double start_seconds, double stop_seconds, double rate_hz);

}  // namespace alloy
