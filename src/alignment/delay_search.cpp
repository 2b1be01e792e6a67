// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/delay_search.hpp"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace alloy::detail {

/// Note [Empty bands]: where neither signal has sound, the phase of the cross-spectrum is that of leakage and rounding. Dividing by
/// the magnitude alone would let such bands decide, and there may be more of them than of others.
constexpr double kFloor = 0.01;  // of the mean magnitude of the cross-spectrum

int64_t fft_size(int64_t size) { return static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(size))); }

Tensor cross_spectrum(const Tensor& x, const Tensor& y, DelayMethod method) {
  const Tensor product = x.conj() * y;
  if (method == DelayMethod::correlation) return product;
  const Tensor size = product.abs();
  const Tensor weighted = size / (size + kFloor * size.mean().clamp_min(1e-200));
  return product * (weighted / (size.clamp_min(1e-200) * weighted.mean().clamp_min(1e-200)));
}

namespace {

constexpr int64_t kMaxWindows = 40;
constexpr double kFlank = 0.25;     // of a window, over which it fades in and out; windows overlap by as much
constexpr double kSilence = 1e-10;  // power of what counts as silent, relative to that of the whole signal
constexpr double kMaxSteps = 3e8;   // of the search over lines

/// [begin, begin + size) of a signal in double, zeros outside.
Tensor part(const Tensor& signal, int64_t begin, int64_t size) {
  Tensor out = at::zeros({size}, at::kDouble);
  const int64_t from = std::max<int64_t>(begin, 0), to = std::min(begin + size, signal.size(0));
  if (from < to) out.narrow(0, from - begin, to - from).copy_(signal.narrow(0, from, to - from));
  return out;
}

/// 1 in the middle, half a period of a cosine on either side (Tukey's window): what leaks from strong bands would hide weak ones.
Tensor taper(int64_t size) {
  const Tensor flank = (at::arange(size, at::kDouble) + 0.5) / (kFlank * static_cast<double>(size));  // 0..1 over the first one
  return 0.5 - 0.5 * (at::minimum(flank, flank.flip(0)).clamp_max(1) * M_PI).cos();
}

/// |correlation| of the window of `first` at `start` with `second` at lags -max_lag..max_lag, the largest of each bin. [bins] float
/// @param power  mean square of `first`
Tensor window_curve(const Tensor& first, const Tensor& second, int64_t start, double power, const DelaySearch& s) {
  const int64_t lags = 2 * s.max_lag + 1, bins = (lags + s.bin - 1) / s.bin;
  const int64_t n = std::min(fft_size(4 * s.window), fft_size(s.window + lags));
  const int64_t block = n - s.window + 1;
  Tensor x = part(first, start, s.window);
  x = x - x.mean();
  if (s.method == DelayMethod::phat) x = x * taper(s.window);
  const double energy = x.square().sum().item<double>();
  Tensor curve = at::zeros({bins * s.bin}, at::kFloat);
  if (energy <= kSilence * static_cast<double>(s.window) * power) return curve.view({bins, s.bin}).amax(1);
  const Tensor spectrum = at::fft_rfft(x, n);
  for (int64_t lag = 0; lag < lags; lag += block) {
    const int64_t count = std::min(block, lags - lag), begin = start - s.max_lag + lag;
    if (begin + n <= 0 || begin >= second.size(0)) continue;
    const Tensor y = part(second, begin, n);
    Tensor values = at::fft_irfft(cross_spectrum(spectrum, at::fft_rfft(y, n), s.method), n).narrow(0, 0, count);
    if (s.method == DelayMethod::correlation) {
      const Tensor sums = at::constant_pad_nd(y.square().cumsum(0), {1, 0});
      const Tensor local = sums.narrow(0, s.window, count) - sums.narrow(0, 0, count);
      const Tensor least = 1e-3 * local.max().clamp_min(1e-200);  // next to silence everything correlates
      values = values / (energy * at::maximum(local, least)).sqrt();
    }
    curve.narrow(0, lag, count).copy_(values.abs());
  }
  return curve.view({bins, s.bin}).amax(1);
}

struct Cell {
  int64_t drift = 0, lag = 0;
  float score = -1;
};

/// The curves of all windows at one resolution.
struct Level {
  Tensor curves;              // [windows, bins] float
  std::vector<double> place;  // of each window, -0.5..0.5 of the span between the first and the last

  int64_t bins() const { return curves.size(1); }
  int64_t shift(size_t window, int64_t drift) const { return std::llround(static_cast<double>(drift) * place[window]); }

  /// Sum of the curves along the line of each lag in [from, to).
  std::vector<float> sums(int64_t drift, int64_t from, int64_t to) const {
    std::vector<float> total(static_cast<size_t>(to - from), 0.0F);
    for (size_t w = 0; w < place.size(); ++w) {
      const float* row = curves.const_data_ptr<float>() + static_cast<int64_t>(w) * bins();
      const int64_t by = shift(w, drift);
      for (int64_t m = std::max(from, -by); m < std::min(to, bins() - by); ++m) total[static_cast<size_t>(m - from)] += row[m + by];
    }
    return total;
  }
};

/// 1 - (best other) / best. Not other are lags that half of the windows reach at another drift, and the slopes of the peak itself.
double confidence_of(const std::vector<float>& best, int64_t peak, int64_t reach) {
  const float height = best[static_cast<size_t>(peak)];
  if (!(height > 0)) return 0;
  float other = 0;
  bool compared = false;
  for (const int64_t step : {-1, 1}) {
    int64_t at = peak + step;
    const auto inside = [&] { return at >= 0 && at < std::ssize(best); };
    const auto value = [&](int64_t i) { return best[static_cast<size_t>(i)]; };
    while (inside() && (std::abs(at - peak) <= reach || (value(at) > 0.5F * height && value(at) < value(at - step)))) at += step;
    for (; inside(); at += step) other = std::max(other, value(at)), compared = true;
  }
  return compared ? 1 - static_cast<double>(other / height) : 0;
}

}  // namespace

DelayGuess guess_delay(const Tensor& first, const Tensor& second, const DelaySearch& s) {
  const double hop = (1 - kFlank) * static_cast<double>(s.window);
  const int64_t windows = std::clamp<int64_t>(1 + std::llround(std::ceil(static_cast<double>(first.size(0) - s.window) / hop)), 1, kMaxWindows);
  const auto span = static_cast<double>(windows > 1 ? first.size(0) - s.window : 0);
  std::vector<Tensor> curves;
  Level finest;
  const double power = first.square().mean().item<double>();
  for (int64_t w = 0; w < windows; ++w) {
    const double share = windows > 1 ? static_cast<double>(w) / static_cast<double>(windows - 1) : 0.5;
    curves.push_back(window_curve(first, second, std::llround(share * span), power, s));
    finest.place.push_back(share - 0.5);
  }
  finest.curves = at::stack(curves).contiguous();

  // Two lags of a level become one of the next, until the search over all lines is cheap; from there back to the finest.
  const double range = s.max_drift * span / 2 / static_cast<double>(s.bin);  // bins that the greatest drift shifts the outer windows
  const auto drifts = [&](size_t level) { return static_cast<int64_t>(std::ceil(2 * range / std::exp2(static_cast<double>(level)))); };
  std::vector<Level> levels = {finest};
  const auto steps = [&] { return static_cast<double>((2 * drifts(levels.size() - 1) + 1) * levels.back().bins()) * static_cast<double>(windows); };
  while (steps() > kMaxSteps) {
    Level next = levels.back();
    if (next.bins() % 2 == 1) next.curves = at::constant_pad_nd(next.curves, {0, 1});
    next.curves = next.curves.view({windows, next.curves.size(1) / 2, 2}).amax(2).contiguous();
    levels.push_back(std::move(next));
  }

  Cell top;
  std::vector<float> best(static_cast<size_t>(levels.back().bins()), 0.0F);
  const int64_t most = drifts(levels.size() - 1);
  for (int64_t drift = -most; drift <= most; ++drift) {
    const std::vector<float> sums = levels.back().sums(drift, 0, levels.back().bins());
    for (size_t m = 0; m < sums.size(); ++m) {
      best[m] = std::max(best[m], sums[m]);
      if (sums[m] > top.score) top = {drift, static_cast<int64_t>(m), sums[m]};
    }
  }
  const double confidence = confidence_of(best, top.lag, most / 2 + 2);
  for (size_t level = levels.size() - 1; level-- > 0;) {
    const Cell coarse = top;
    top.score = -1;
    for (int64_t drift = 2 * coarse.drift - 2; drift <= 2 * coarse.drift + 2; ++drift) {
      const int64_t from = std::max<int64_t>(0, 2 * coarse.lag - 2);
      const std::vector<float> sums = levels[level].sums(drift, from, std::min(levels[level].bins(), 2 * coarse.lag + 4));
      for (size_t m = 0; m < sums.size(); ++m)
        if (sums[m] > top.score) top = {drift, from + static_cast<int64_t>(m), sums[m]};
    }
  }

  DelayGuess guess{.confidence = confidence};
  const auto bin = static_cast<double>(s.bin);
  guess.line.drift = span > 0 ? static_cast<double>(top.drift) * bin / span : 0;
  const double middle = (span + static_cast<double>(s.window)) / 2;  // of the windows, where the lag is that of the cell
  guess.line.delay = (static_cast<double>(top.lag) + 0.5) * bin - 0.5 - static_cast<double>(s.max_lag) - guess.line.drift * middle;
  return guess;
}

}  // namespace alloy::detail
