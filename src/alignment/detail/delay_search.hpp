// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The two halves of estimate_delay: where about the delay lies, and where exactly. Everything counts in samples.

#include <alloy/alignment/delay.hpp>

#include <span>

namespace alloy::detail {

struct DelaySearch {
  DelayMethod method = DelayMethod::phat;
  int64_t window = 0;    ///< samples, 1..N1
  int64_t max_lag = 0;   ///< samples
  double max_drift = 0;  ///< 0..0.01
  int64_t bin = 1;       ///< lags that count as one in the search
};

/// second = delay + (1 + drift) first, in samples.
struct DelayLine {
  double delay = 0, drift = 0;
  double at(double first) const { return delay + (1 + drift) * first; }
};

struct DelayGuess {
  DelayLine line;  ///< to about two bins
  double confidence = 0;
};
/// The line on which the windows together correlate most: for each drift, the windows' curves are shifted and added.
/// @param first, second  float, mean removed
DelayGuess guess_delay(const Tensor& first, const Tensor& second, const DelaySearch& search);

struct FineWindow {
  double middle = 0;    ///< in first
  double residual = 0;  ///< what its peak says the line lacks there, in samples of first
  double correlation = 0;
  double weight = 0;
};
struct RefinedDelay {
  DelayLine line;
  DelayLine before;  ///< the line that the windows' residuals are relative to
  double delay_error = 0, drift_error = 0;
  std::vector<FineWindow> windows;  ///< those with sound in both
};
/// Corrects the line by each window's peak, which is looked for within three bins.
RefinedDelay refine_delay(std::span<const float> first, std::span<const float> second, const DelaySearch& search, DelayLine line);

/// conj(x) y, the spectrum of the cross-correlation, in complex numbers of double. Under phat magnitudes are alike, their mean is 1, so
/// that a pure delay correlates with 1.
Tensor cross_spectrum(const Tensor& x, const Tensor& y, DelayMethod method);
/// The first power of two >= size.
int64_t fft_size(int64_t size);

}  // namespace alloy::detail
