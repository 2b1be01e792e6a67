// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/sinc_interpolator.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace alloy::detail {

namespace {

constexpr int64_t kPhases = 512, kTaps = 2 * SincInterpolator::kHalfWidth;
constexpr double kBeta = 9;  // of the Kaiser window: side lobes at -90 dB

double sinc(double x) { return x == 0 ? 1 : std::sin(std::numbers::pi * x) / (std::numbers::pi * x); }

/// Modified Bessel function of the first kind and order 0, by its power series.
double bessel_0(double x) {
  double sum = 1, term = 1;
  for (int k = 1; term > 1e-17 * sum; ++k) {
    term *= (x / (2 * k)) * (x / (2 * k));
    sum += term;
  }
  return sum;
}

}  // namespace

SincInterpolator::SincInterpolator() : table_(static_cast<size_t>((kPhases + 2) * kTaps)) {
  for (int64_t phase = 0; phase < kPhases + 2; ++phase)
    for (int64_t tap = 0; tap < kTaps; ++tap) {
      const double distance = static_cast<double>(phase) / kPhases - static_cast<double>(tap - kHalfWidth + 1);
      const double inside = std::max(0.0, 1 - distance * distance / (kHalfWidth * kHalfWidth));
      table_[static_cast<size_t>(phase * kTaps + tap)] = sinc(distance) * bessel_0(kBeta * std::sqrt(inside)) / bessel_0(kBeta);
    }
}

double SincInterpolator::at(std::span<const float> signal, double place) const {
  const auto size = static_cast<int64_t>(signal.size());
  if (!(place > -static_cast<double>(kHalfWidth)) || !(place < static_cast<double>(size + kHalfWidth))) return 0;
  const double whole = std::floor(place), fraction = (place - whole) * kPhases;
  const auto phase = static_cast<int64_t>(fraction);
  const double beyond = fraction - static_cast<double>(phase);  // weights between two phases of the table
  const double* low = table_.data() + phase * kTaps;
  const double* high = low + kTaps;
  const int64_t first = static_cast<int64_t>(whole) - kHalfWidth + 1;
  const int64_t begin = std::max<int64_t>(0, -first), end = std::min(kTaps, size - first);
  double sum_low = 0, sum_high = 0;
  for (int64_t tap = begin; tap < end; ++tap) {
    const double value = signal[static_cast<size_t>(first + tap)];
    sum_low += low[tap] * value;
    sum_high += high[tap] * value;
  }
  return sum_low + beyond * (sum_high - sum_low);
}

}  // namespace alloy::detail
