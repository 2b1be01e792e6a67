// SPDX-License-Identifier: Apache-2.0
#include <alloy/preprocess/spec_augment.hpp>

#include <torch/types.h>

#include <algorithm>

namespace alloy {

void SpecAugmentOptions::validate() const {
  const auto count = [](std::string_view name, int64_t value) {
    check<ConfigError>(value >= 0 && value <= 1000, "[spec_augment] expected {} in 0..1000, got {}", {name, value});
  };
  count("time_masks", time_masks);
  count("frequency_masks", frequency_masks);
  check<ConfigError>(max_time >= 0 && max_frequency >= 0, "[spec_augment] expected max_time and max_frequency >= 0, got {} and {}",
                     {max_time, max_frequency});
  check<ConfigError>(max_time_fraction >= 0 && max_time_fraction <= 1, "[spec_augment] expected max_time_fraction in 0..1, got {}",
                     {max_time_fraction});
}

Tensor spec_augment(const Tensor& spectrogram, const SpecAugmentOptions& o, Random& random) {
  o.validate();
  check<ShapeError>(spectrogram.defined() && spectrogram.dim() == 2 && spectrogram.is_cpu() && spectrogram.numel() > 0 &&
                        at::isFloatingType(spectrogram.scalar_type()),
                    "[spec_augment] expected a floating spectrogram [frames, mel_bins] on the CPU, got {}", {spectrogram});
  Tensor result = spectrogram.clone();
  const Tensor mean = spectrogram.mean();
  const auto hide = [&](int64_t axis, int64_t most) {
    const int64_t size = result.size(axis), width = random.below(std::min(most, size) + 1);
    const int64_t start = random.below(size - width + 1);
    result.narrow(axis, start, width).copy_(mean);
  };
  const auto share = static_cast<int64_t>(o.max_time_fraction * static_cast<double>(result.size(0)));
  for (int64_t i = 0; i < o.time_masks; ++i) hide(0, std::min(o.max_time, share));
  for (int64_t i = 0; i < o.frequency_masks; ++i) hide(1, o.max_frequency);
  return result;
}

}  // namespace alloy
