// SPDX-License-Identifier: Apache-2.0
#pragma once

/// SpecAugment (Park et al. 2019): hides stretches of time and bands of frequency of a log-mel spectrogram, for training
/// on little audio. Without the time warp of the paper, which it finds to matter least.

#include <alloy/core/options.hpp>
#include <alloy/core/random.hpp>
#include <alloy/core/tensor.hpp>

namespace alloy {

struct SpecAugmentOptions {
  int64_t time_masks = 2;
  int64_t max_time = 40;
  double max_time_fraction = 0.2;
  int64_t frequency_masks = 2;
  int64_t max_frequency = 15;
  static void describe(auto& self, auto&& field) {
    field("time_masks", self.time_masks, "stretches hidden, 0..1000; m_T of the paper");
    field("max_time", self.max_time, "frames a stretch may have, >= 0; T of the paper");
    field("max_time_fraction", self.max_time_fraction, "0..1, of all frames, that a stretch may have; p of the paper");
    field("frequency_masks", self.frequency_masks, "bands hidden, 0..1000; m_F of the paper");
    field("max_frequency", self.max_frequency, "mel bins a band may have, >= 0; F of the paper");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// The width of each mask is uniform in 0..max, its place uniform over where it fits; what is hidden becomes the mean of
/// the spectrogram.
/// @param spectrogram  [frames, mel_bins], floating, on the CPU, finite
/// @return a new tensor of the same shape
/// @throws ShapeError, ConfigError
ALLOY_API Tensor spec_augment(const Tensor& spectrogram, const SpecAugmentOptions& options, Random& random);

}  // namespace alloy
