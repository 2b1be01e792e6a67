// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Two recordings of one event, started at different moments by devices whose clocks do not run alike: how much later the
/// second one has what the first one has, and by how much its clock runs faster.
///
///     time in second = delay_seconds + (1 + drift_ppm / 1e6) * time in first
///
/// Windows of the first are correlated with the second, block by block (the FFTs do not grow with the recordings). The line of
/// delay over time on which the windows together correlate most is the first guess. Then the second is brought to the clock of
/// the first, band-limited, and each window's peak between samples corrects the line by robust regression, until nothing is left
/// to correct. For sound and for any evenly sampled signal.

#include <alloy/core/options.hpp>
#include <alloy/core/tensor.hpp>
#include <alloy/io/audio_file.hpp>

#include <array>
#include <utility>
#include <vector>

namespace alloy {

/// phat: every frequency that is there counts alike (GCC-PHAT; Knapp & Carter 1976, table I; the cross-spectrum is divided by its
/// magnitude plus a hundredth of its mean): sharp, and hardly moved by rooms and loudspeakers; for sound. correlation: normalised cross-correlation,
/// in which strong frequencies decide; for slow signals such as those of sensors or envelopes.
enum class DelayMethod { phat, correlation };
constexpr auto enum_names(DelayMethod) {
  return std::to_array<std::pair<DelayMethod, std::string_view>>({{DelayMethod::phat, "phat"}, {DelayMethod::correlation, "correlation"}});
}

/// linear: clocks of constant, unequal speed. none: clocks of equal speed, drift_ppm is 0.
enum class DriftModel { linear, none };
constexpr auto enum_names(DriftModel) {
  return std::to_array<std::pair<DriftModel, std::string_view>>({{DriftModel::linear, "linear"}, {DriftModel::none, "none"}});
}

struct DelayOptions {
  double sample_rate_hz = 16000;
  DelayMethod method = DelayMethod::phat;
  DriftModel drift = DriftModel::linear;
  double max_delay_seconds = 10;
  double max_drift_ppm = 200;
  double window_seconds = 2;
  static void describe(auto& self, auto&& field) {
    field("sample_rate_hz", self.sample_rate_hz, "of both signals, as their own clocks count it, > 0");
    field("method", self.method, "how windows are compared");
    field("drift", self.drift, "whether clocks may run at unequal speed");
    field("max_delay_seconds", self.max_delay_seconds, "the delay in the middle of the first is looked for in -max..max, > 0");
    field("max_drift_ppm", self.max_drift_ppm, "the drift is looked for in -max..max, 0..10000; devices seldom differ by more than 200");
    field("window_seconds", self.window_seconds, "length of a window, > 0; while it lasts, the drift should not matter. Where none is wholly in the second, a third of the first");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// One window of the first recording.
struct DelayWindow {
  double seconds = 0;        ///< its middle, on the clock of the first
  double delay_seconds = 0;  ///< time in second minus time in first, there
  double correlation = 0;    ///< height of its peak, -1..1
  double weight = 0;         ///< in the last regression, 0..1; 0 = an outlier
};

struct DelayEstimate {
  double delay_seconds = 0;  ///< at time 0 of the first; above 0: the second has it later
  double drift_ppm = 0;      ///< above 0: the clock of the second counts more seconds
  /// Half of a 68 % interval: about two of three times the truth is nearer than this (Student's t of how far the windows are from the line;
  /// noise is what they err by, not echoes). At least a hundredth of a sample, which is what interpolation does to sound near half the
  /// sample rate. Where that decides, the truth is nearer nearly always. Infinite from fewer than three windows (two
  /// under DriftModel::none); then drift_ppm is 0.
  double delay_error_seconds = 0;
  double drift_error_ppm = 0;  ///< the same of the drift; 0 under DriftModel::none
  double correlation = 0;      ///< weighted mean of the windows' peaks, -1..1; below 0: one of the two is upside down
  /// 0..1: one minus the height of the best other delay over that of the one found, in the sum over the windows. Near 0 for what has
  /// nothing in common; below 0.3 the result is not to be trusted. Periodic sound is low by nature. 0 if no window of the
  /// first could be found in the second, if the delay leaves the bounds of the options or the drift does by more than twice its error, or
  /// if these leave no other delay to compare with.
  double confidence = 0;
  std::vector<DelayWindow> windows = {};

  double second_time(double first_seconds) const { return delay_seconds + (1 + drift_ppm * 1e-6) * first_seconds; }
  double first_time(double second_seconds) const { return (second_seconds - delay_seconds) / (1 + drift_ppm * 1e-6); }
};

/// Takes one FFT of some window lengths for each of at most 40 windows and each block of lags, then three passes over the
/// recordings. Runs on the CPU in double, without gradients. Deterministic.
/// @param first, second  [N1] and [N2] floating, finite, at least 16 samples; their lengths may differ
/// @throws ShapeError; DataError naming the first sample that is not finite, or if a signal is constant
ALLOY_API DelayEstimate estimate_delay(const Tensor& first, const Tensor& second, const DelayOptions& options = {});

/// The same for what `read_audio` gives: channels are mixed down, the higher sample rate is brought to the lower one.
/// @param options  `sample_rate_hz` is not read
ALLOY_API DelayEstimate estimate_delay(const Audio& first, const Audio& second, DelayOptions options = {});

struct UndoneDelay {
  Tensor values;  ///< [length], as `second`; 0 where the second recording holds nothing
  Tensor mask;    ///< [length] bool
};
/// The second recording as the clock of the first would have sampled it (band-limited interpolation, 64 neighbours).
/// @param second  [N2] floating, on the CPU
/// @param length  samples to make, from time 0 of the first; > 0
/// @throws ShapeError, ConfigError
ALLOY_API UndoneDelay undo_delay(const Tensor& second, const DelayEstimate& estimate, double sample_rate_hz, int64_t length);

}  // namespace alloy
