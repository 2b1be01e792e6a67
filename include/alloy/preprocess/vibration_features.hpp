// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What condition monitoring reads off a short record of a rotating machine's vibration: levels at the multiples (orders) of the
/// shaft's speed, levels of bands, and how impulsive the high band is (ISO 13373-1; Randall & Antoni 2011, "Rolling element bearing
/// diagnostics - a tutorial", Mech. Syst. Signal Process. 25). Each fault moves others of them.

#include <alloy/core/options.hpp>
#include <alloy/core/tensor.hpp>

#include <array>

namespace alloy {

struct VibrationFeatureOptions {
  double sample_rate_hz = 2560;
  double mid_hz = 300;
  double high_hz = 600;
  static void describe(auto& self, auto&& field) {
    field("sample_rate_hz", self.sample_rate_hz, "of the records, > 0");
    field("mid_hz", self.mid_hz, "where the mid band begins, > 0");
    field("high_hz", self.high_hz, "where it ends and the high band begins, above mid_hz and below half the sample rate");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// In the order of the columns of vibration_features. All but the last three in the unit of the record.
///   rms        root mean square without the mean
///   half       amplitude (of the sine) at half the shaft's rate: looseness
///   x1, x2     amplitude at the shaft's rate (imbalance) and at twice the rate (misalignment)
///   harmonics  root of the summed squares of the amplitudes at 3 to 8 times the rate: looseness
///   mid, high  root mean square of the bands mid_hz..high_hz (gear mesh, cavitation) and high_hz..half the sample rate (friction)
///   kurtosis   of the high band, 3 for Gaussian noise: impacts raise it
///   crest      peak over root mean square of the high band
///   envelope   depth of the strongest modulation of the high band at 2.5 to 20 times the shaft's rate, 0 = none, 1 = full:
///              rolling elements that pass a pit
inline constexpr std::array<std::string_view, 10> kVibrationFeatures = {"rms", "half", "x1",       "x2",    "harmonics",
                                                                        "mid", "high", "kurtosis", "crest", "envelope"};

/// Spectra are taken under a Hann window; an amplitude sums the five lines around its frequency, so that it does not depend on where
/// the frequency lies between lines. A record that is constant gives zeros. Without gradients.
/// @param records  [B, N] float32 or float64 on the CPU, finite
/// @param shaft_hz [B] revolutions a second
/// @return [B, 10] of the records' dtype
/// @throws ShapeError; DataError for a shaft so slow that half its rate is not 4 lines from zero (N too small), or so fast that
///         three times its rate is beyond half the sample rate; it says the N that would do
ALLOY_API Tensor vibration_features(const Tensor& records, const Tensor& shaft_hz, const VibrationFeatureOptions& options = {});

}  // namespace alloy
