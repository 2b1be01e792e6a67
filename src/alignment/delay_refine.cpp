// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/delay_search.hpp"
#include "alignment/detail/sinc_interpolator.hpp"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace alloy::detail {

namespace {

constexpr int64_t kMaxWindows = 256;
constexpr int kPasses = 4, kRegressions = 10;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// Note [Finest delay]: interpolation is right up to 0.9 of half the sample rate. Sound just below half of it moves the peak by up to
/// a hundredth of a sample, in all windows much alike, more windows or less noise do not help.
constexpr double kFinest = 0.01;  // samples

struct Peak {
  double lag = 0, value = 0;
};

/// The correlation as a function of the lag, whose spectrum is known, has its peak near `lag`: Newton's method on its derivative.
Peak between_samples(const Tensor& spectrum, const Tensor& frequencies, const Tensor& counts, Peak peak) {
  const double start = peak.lag;
  for (int step = 0; step < 6; ++step) {
    const Tensor angle = frequencies * peak.lag;
    const Tensor wave = spectrum * at::complex(angle.cos(), angle.sin()) * counts;  // [N / 2 + 1]
    const double slope = -(at::imag(wave) * frequencies).sum().item<double>();
    const double bend = -(at::real(wave) * frequencies.square()).sum().item<double>();
    const double value = at::real(wave).sum().item<double>(), sign = value < 0 ? -1 : 1;
    peak.value = value;
    if (!(sign * bend < 0)) return peak;  // no peak here: stay
    const double by = std::clamp(-slope / bend, -0.5, 0.5);
    if (std::abs(by) < 1e-7) break;
    peak.lag = std::clamp(peak.lag + by, start - 1, start + 1);
  }
  return peak;
}

/// The largest |correlation| of two windows within `reach` lags; value 0 where there is none.
Peak find_peak(const Tensor& x, const Tensor& y, int64_t reach, DelayMethod method) {
  const double energy = std::sqrt(x.square().sum().item<double>() * y.square().sum().item<double>());
  if (!(energy > 1e-30)) return {};  // silence; the signals have a peak of 1
  const int64_t n = fft_size(x.size(0) + 2 * reach);
  Tensor spectrum = cross_spectrum(at::fft_rfft(x, n), at::fft_rfft(y, n), method);
  if (method == DelayMethod::correlation) spectrum = spectrum / energy;
  const Tensor curve = at::fft_irfft(spectrum, n).roll(reach).narrow(0, 0, 2 * reach + 1);
  const int64_t top = curve.abs().argmax().item<int64_t>();
  if (top == 0 || top == 2 * reach) return {};                                       // a slope, no peak
  Tensor counts = at::full({n / 2 + 1}, 2.0 / static_cast<double>(n), at::kDouble);  // each frequency stands for its mirror image too
  counts[0] = counts[n / 2] = 1.0 / static_cast<double>(n);
  const Tensor frequencies = at::arange(n / 2 + 1, at::kDouble) * (2 * M_PI / static_cast<double>(n));
  return between_samples(spectrum, frequencies, counts, {static_cast<double>(top - reach), 0});
}

double median_of(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + std::ssize(values) / 2);
  return values[values.size() / 2];
}

struct Fit {
  double offset = 0, slope = 0, offset_error = kInfinity, slope_error = kInfinity;
  double middle = 0, spread = 0;  // of the windows: weighted mean and variance of their middles
  double at(double place) const { return offset + slope * place; }
};

/// Medians of the offsets and of the slopes between all pairs (Theil-Sen), over the better half of the windows.
Fit first_fit(const std::vector<FineWindow>& windows, bool with_slope) {
  std::vector<double> heights, slopes, offsets;
  for (const FineWindow& w : windows) heights.push_back(std::abs(w.correlation));
  const double least = windows.size() > 4 ? median_of(heights) : 0;
  std::vector<FineWindow> good;
  std::ranges::copy_if(windows, std::back_inserter(good), [&](const FineWindow& w) { return std::abs(w.correlation) >= least; });
  for (size_t i = 0; with_slope && i < good.size(); ++i)
    for (size_t j = 0; j < i; ++j) slopes.push_back((good[i].residual - good[j].residual) / (good[i].middle - good[j].middle));
  Fit fit;
  if (!slopes.empty()) fit.slope = median_of(slopes);
  for (const FineWindow& w : good) offsets.push_back(w.residual - fit.slope * w.middle);
  fit.offset = median_of(offsets);
  return fit;
}

/// The distance that half of the windows and as many as the fit can choose are within (Rousseeuw & Leroy 1987, "Robust Regression and
/// Outlier Detection", p. 202: few distances from a line that was fitted to them are small), as the standard deviation of a normal error.
double scale_of(std::vector<double> distances, int64_t chosen) {
  const auto count = std::ssize(distances), half = std::min(count, (count + chosen + 1) / 2) - 1;
  std::ranges::nth_element(distances, distances.begin() + half);
  return 1.4826 * (1 + 5.0 / static_cast<double>(std::max<int64_t>(1, count - chosen))) * distances[static_cast<size_t>(half)];
}

double weight_of(const FineWindow& w) { return w.weight * w.correlation * w.correlation; }

/// A line through the windows' residuals by least squares, reweighted by Tukey's biweight so that outliers count for nothing.
Fit robust_fit(std::vector<FineWindow>& windows, bool with_slope) {
  const int64_t chosen = with_slope ? 2 : 1;
  Fit fit = first_fit(windows, with_slope);
  for (int round = 0; round < kRegressions; ++round) {
    std::vector<double> distances;
    for (const FineWindow& w : windows) distances.push_back(std::abs(w.residual - fit.at(w.middle)));
    const double limit = std::max(4.685 * scale_of(distances, chosen), 1e-4);
    double sum = 0, mean = 0, value = 0, spread = 0, joint = 0;
    for (size_t i = 0; i < windows.size(); ++i) {
      FineWindow& w = windows[i];
      const double share = std::min(1.0, distances[i] / limit);
      w.weight = (1 - share * share) * (1 - share * share);
      sum += weight_of(w);
      mean += weight_of(w) * w.middle;
      value += weight_of(w) * w.residual;
    }
    if (!(sum > 0)) return fit;
    fit.middle = mean / sum;
    for (const FineWindow& w : windows) {
      spread += weight_of(w) / sum * std::pow(w.middle - fit.middle, 2);
      joint += weight_of(w) / sum * (w.middle - fit.middle) * (w.residual - value / sum);
    }
    fit.spread = spread;
    fit.slope = with_slope && spread > 0 ? joint / spread : 0;
    fit.offset = value / sum - fit.slope * fit.middle;
  }
  return fit;
}

/// How alike two windows err whose starts are `hop` samples apart: the correlation of what the noise in them counts, with the taper squared.
double shared_error(const Tensor& taper, int64_t hop) {
  const Tensor power = taper.square();
  if (hop >= power.size(0)) return 0;
  const int64_t both = power.size(0) - hop;
  return (power.narrow(0, 0, both) * power.narrow(0, hop, both)).sum().item<double>() / power.square().sum().item<double>();
}

/// The half width that covers what 68.3 % of Student's distribution do, in standard errors: Fisher & Cornish's expansion around the
/// normal distribution, to 1.4 % from one degree of freedom on.
double student(double freedom) {
  const double x = 1 / freedom;
  return 1 + x / 2 + x * x / 4 + x * x * x / 16;
}

/// The variance of a biweight estimate is the mean square of what the windows pull with over that of how stiffly they do (Huber 1981,
/// "Robust Statistics", section 7.6). Neighbours that overlap err together.
void set_errors(Fit& fit, const std::vector<FineWindow>& windows, bool with_slope, double shared) {
  double total = 0, pull = 0, stiffness = 0;
  int64_t freedom = with_slope ? -2 : -1;
  for (const FineWindow& w : windows) {
    if (!(w.weight > 0)) continue;
    const double height = w.correlation * w.correlation, left = std::sqrt(w.weight);  // 1 - (distance / limit)^2
    total += height;
    pull += height * std::pow(w.weight * (w.residual - fit.at(w.middle)), 2);
    stiffness += height * left * (5 * left - 4);
    ++freedom;
  }
  if (freedom < 1 || (with_slope && !(fit.spread > 0))) return;
  stiffness = std::max(stiffness / total, 0.25);
  const double variance = (1 + 2 * shared) * pull / total / (stiffness * stiffness) / static_cast<double>(freedom);
  const double noise = std::pow(student(static_cast<double>(freedom)), 2) * variance, finest = kFinest * kFinest;  // Note [Finest delay]
  const double slope_variance = with_slope ? (noise + finest / 12) / fit.spread : 0;  // 12 spread: square of the windows' span
  fit.offset_error = std::sqrt(noise + finest + slope_variance * fit.middle * fit.middle);
  fit.slope_error = std::sqrt(slope_variance);
}

}  // namespace

RefinedDelay refine_delay(std::span<const float> first, std::span<const float> second, const DelaySearch& s, DelayLine line) {
  static const SincInterpolator interpolator;
  const auto size = static_cast<int64_t>(first.size());
  const int64_t reach = std::min(3 * s.bin + 4, std::max<int64_t>(2, s.window / 4));
  const int64_t count = std::clamp<int64_t>(2 * size / s.window - 1, 1, kMaxWindows);
  const Tensor taper = at::hann_window(s.window, at::kDouble);
  const double shared = count > 1 ? shared_error(taper, (size - s.window) / (count - 1)) : 0;
  RefinedDelay out{.line = line, .before = line, .delay_error = kInfinity, .drift_error = kInfinity};

  for (int pass = 0; pass < kPasses; ++pass) {
    out.before = out.line;
    out.windows.clear();
    for (int64_t i = 0; i < count; ++i) {
      const int64_t start = count > 1 ? (size - s.window) * i / (count - 1) : 0;
      const double left = out.line.at(static_cast<double>(start)), right = out.line.at(static_cast<double>(start + s.window));
      if (left < 0 || right > static_cast<double>(second.size())) continue;  // not all of it is in the second
      Tensor x = at::empty({s.window}, at::kDouble), y = at::empty({s.window}, at::kDouble);
      for (int64_t k = 0; k < s.window; ++k) {
        x.mutable_data_ptr<double>()[k] = first[static_cast<size_t>(start + k)];
        y.mutable_data_ptr<double>()[k] = interpolator.at(second, out.line.at(static_cast<double>(start + k)));
      }
      const Peak peak = find_peak((x - x.mean()) * taper, (y - y.mean()) * taper, reach, s.method);
      if (peak.value == 0) continue;
      out.windows.push_back(
          {.middle = static_cast<double>(start) + static_cast<double>(s.window) / 2, .residual = peak.lag, .correlation = peak.value});
    }
    if (out.windows.empty()) return out;
    const bool with_slope = s.max_drift > 0 && out.windows.size() >= 3;
    Fit fit = robust_fit(out.windows, with_slope);
    set_errors(fit, out.windows, with_slope, shared);
    out.line = {.delay = out.before.delay + (1 + out.before.drift) * fit.offset, .drift = (1 + out.before.drift) * (1 + fit.slope) - 1};
    const bool unknown_drift = s.max_drift > 0 && !with_slope;
    if (unknown_drift) out.line.drift = 0;
    out.delay_error = unknown_drift ? kInfinity : fit.offset_error;
    out.drift_error = unknown_drift ? kInfinity : s.max_drift > 0 ? fit.slope_error : 0;
  }
  return out;
}

}  // namespace alloy::detail
