// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Small steps on waveforms [T] or [B, T] (floating, on the CPU, finite): one length, one loudness, and the noises by
/// which robustness is measured. Each row of a batch is treated on its own. All return new tensors and throw ShapeError
/// for what is no waveform, ConfigError for values out of range.

#include <alloy/core/options.hpp>
#include <alloy/core/random.hpp>
#include <alloy/core/tensor.hpp>

namespace alloy {

/// Cuts the end off, or appends zeros.
/// @param length  samples, > 0
/// @return [length] or [B, length]
ALLOY_API Tensor pad_or_crop(const Tensor& waveform, int64_t length);

/// Scales so that the largest absolute value is `peak`; silence stays silence.
ALLOY_API Tensor normalise_peak(const Tensor& waveform, double peak = 1.0);

/// Scales so that the root of the mean square is `rms`; silence stays silence. The result may leave -1..1.
ALLOY_API Tensor normalise_rms(const Tensor& waveform, double rms = 0.1);

/// Adds white Gaussian noise whose power, measured over the row, lies exactly `snr_db` below that of the row; silence
/// stays silence.
/// @param snr_db  signal-to-noise ratio in decibel, -100..100
ALLOY_API Tensor add_noise(const Tensor& waveform, double snr_db, Random& random);

struct DropOutOptions {
  double fraction = 0.1;
  int64_t gap_samples = 320;
  static void describe(auto& self, auto&& field) {
    field("fraction", self.fraction, "of the samples that are lost, 0..1");
    field("gap_samples", self.gap_samples, "samples lost in one stretch, > 0");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// Silences stretches at random places, as lost packets do, until the fraction asked for is gone (the last stretch is
/// shortened to fit). Stretches lie on a grid, so that they never overlap.
ALLOY_API Tensor drop_out(const Tensor& waveform, const DropOutOptions& options, Random& random);

}  // namespace alloy
