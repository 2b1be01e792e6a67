// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Values of a band-limited signal between its samples. Without LibTorch.

#include <cstdint>
#include <span>
#include <vector>

namespace alloy::detail {

/// Sinc under a Kaiser window, 64 neighbours: error below 1e-4 of the amplitude up to 0.9 of the Nyquist frequency. For steps of
/// about one sample: there is no filter against aliasing. Thread safe.
class SincInterpolator {
 public:
  static constexpr int64_t kHalfWidth = 32;
  SincInterpolator();
  /// @param place  in samples, anywhere; what lies outside the signal counts as 0
  double at(std::span<const float> signal, double place) const;

 private:
  std::vector<double> table_;  // [kPhases + 2][2 kHalfWidth], weights of the neighbours for each phase between two samples
};

}  // namespace alloy::detail
