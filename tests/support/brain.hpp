// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A ball instead of a brain, for tests of slices and notes without data.

#include <alloy/data/brain_notes.hpp>

namespace alloy_test {

/// A bright ball of 70 mm with four regions from front to back, on voxels of 4 mm.
inline alloy::BrainVolumes ball() {
  using alloy::BodySide, alloy::BrainRegion;
  constexpr int64_t kSide = 41;
  alloy::BrainVolumes v{.intensity = torch::zeros({kSide, kSide, kSide}),
                        .places = torch::zeros({kSide, kSide, kSide}, at::kByte),
                        .origin_mm = {-80, -80, -80},
                        .step_mm = 4};
  auto* intensity = v.intensity.mutable_data_ptr<float>();
  auto* places = v.places.mutable_data_ptr<uint8_t>();
  for (int64_t i = 0; i < kSide * kSide * kSide; ++i) {
    const double x = -80 + 4.0 * static_cast<double>(i % kSide), y = -80 + 4.0 * static_cast<double>(i / kSide % kSide),
                 z = -80 + 4.0 * static_cast<double>(i / kSide / kSide);
    if (std::hypot(x, y, z) > 70) continue;
    intensity[i] = 0.7F;
    const BrainRegion region = y > 25    ? BrainRegion::frontal
                               : y > 0   ? BrainRegion::temporal
                               : y > -25 ? BrainRegion::parietal
                                         : BrainRegion::occipital;
    if (x != 0) places[i] = static_cast<uint8_t>(1 + alloy::place_index({region, x < 0 ? BodySide::left : BodySide::right}));
  }
  return v;
}

inline alloy::BrainCaseOptions ball_slices() { return {.pixels = 48, .pixel_mm = 4, .min_z_mm = -20, .max_z_mm = 20}; }

}  // namespace alloy_test
