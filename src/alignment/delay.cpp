// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/delay_search.hpp"
#include "alignment/detail/sinc_interpolator.hpp"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace alloy {

namespace {

constexpr int64_t kMinSamples = 16;

/// A contiguous float copy on the CPU without its mean.
Tensor centred(const Tensor& signal, std::string_view what) {
  check_shape(signal, {-1}, "estimate_delay", what);
  check_floating(signal, "estimate_delay", what);
  check<DataError>(signal.size(0) >= kMinSamples, "[estimate_delay] expected at least {} samples in {}, got {}", {kMinSamples, what, signal.size(0)});
  const Tensor x = signal.detach().to(at::kCPU, at::kDouble);
  const Tensor bad = x.isfinite().logical_not();
  if (bad.any().item<bool>())
    fail<DataError>("[estimate_delay] expected finite samples in {}, got {} at sample {}",
                    {what, x[bad.nonzero()[0][0]].item<double>(), bad.nonzero()[0][0].item<int64_t>()});
  const Tensor out = x - x.mean();
  const double peak = out.abs().max().item<double>();
  check<DataError>(std::isfinite(peak) && peak > 1e-12 * x.abs().max().item<double>(),
                   "[estimate_delay] expected a signal that varies in {}, got a constant one", {what});
  return (out / peak).to(at::kFloat).contiguous();
}

std::span<const float> samples_of(const Tensor& signal) { return {signal.const_data_ptr<float>(), static_cast<size_t>(signal.numel())}; }

}  // namespace

void DelayOptions::validate() const {
  const auto positive = [](double value) { return value > 0 && std::isfinite(value); };
  check<ConfigError>(positive(sample_rate_hz), "[estimate_delay] expected sample_rate_hz > 0, got {}", {sample_rate_hz});
  check<ConfigError>(positive(max_delay_seconds), "[estimate_delay] expected max_delay_seconds > 0, got {}", {max_delay_seconds});
  check<ConfigError>(positive(window_seconds), "[estimate_delay] expected window_seconds > 0, got {}", {window_seconds});
  check<ConfigError>(max_drift_ppm >= 0 && max_drift_ppm <= 10'000, "[estimate_delay] expected max_drift_ppm in 0..10000, got {}", {max_drift_ppm});
}

DelayEstimate estimate_delay(const Tensor& first, const Tensor& second, const DelayOptions& options) {
  options.validate();
  const Tensor a = centred(first, "first"), b = centred(second, "second");
  const double rate = options.sample_rate_hz;
  const auto samples = [&](double seconds, int64_t low, int64_t high) {
    return std::clamp(static_cast<int64_t>(std::ceil(std::min(seconds * rate, 1e15))), low, std::max(low, high));
  };
  detail::DelaySearch search{.method = options.method,
                             .window = samples(options.window_seconds, kMinSamples, a.size(0)),
                             .max_lag = samples(options.max_delay_seconds, 1, a.size(0) + b.size(0)),
                             .max_drift = options.drift == DriftModel::none ? 0 : options.max_drift_ppm * 1e-6,
                             .bin = std::max<int64_t>(1, std::llround(rate / 1000))};
  const detail::DelayGuess guess = detail::guess_delay(a, b, search);
  detail::RefinedDelay refined = detail::refine_delay(samples_of(a), samples_of(b), search, guess.line);
  if (refined.windows.empty() && a.size(0) / 3 >= kMinSamples) {  // as where the recordings overlap by less than a window
    search.window = std::min(search.window, a.size(0) / 3);
    refined = detail::refine_delay(samples_of(a), samples_of(b), search, guess.line);
  }

  DelayEstimate out{.delay_seconds = refined.line.delay / rate,
                    .drift_ppm = refined.line.drift * 1e6,
                    .delay_error_seconds = refined.delay_error / rate,
                    .drift_error_ppm = refined.drift_error * 1e6,
                    .confidence = guess.confidence};
  double weights = 0;
  for (const detail::FineWindow& w : refined.windows) {
    const double delay = refined.before.at(w.middle + w.residual) - w.middle;
    out.windows.push_back({.seconds = w.middle / rate, .delay_seconds = delay / rate, .correlation = w.correlation, .weight = w.weight});
    out.correlation += w.weight * w.correlation;
    weights += w.weight;
  }
  if (weights > 0) out.correlation /= weights;
  const double middle = static_cast<double>(a.size(0)) / 2, lag = std::abs(refined.line.at(middle) - middle);
  const double most_drift = 1.01 * search.max_drift + 2 * refined.drift_error;  // few windows can give more by chance
  const bool left_bounds = lag > 1.01 * static_cast<double>(search.max_lag) + 1 || std::abs(refined.line.drift) > most_drift;
  if (out.windows.empty() || left_bounds) out.confidence = 0;  // nothing was confirmed
  return out;
}

DelayEstimate estimate_delay(const Audio& first, const Audio& second, DelayOptions options) {
  const int64_t rate = std::min(first.sample_rate_hz, second.sample_rate_hz);
  const auto signal = [&](const Audio& audio) {
    const Audio mono = audio.sample_rate_hz == rate ? to_mono(audio) : resample(to_mono(audio), rate);
    return at::tensor(at::ArrayRef<float>(mono.samples), at::kFloat);
  };
  options.sample_rate_hz = static_cast<double>(rate);
  return estimate_delay(signal(first), signal(second), options);
}

UndoneDelay undo_delay(const Tensor& second, const DelayEstimate& estimate, double sample_rate_hz, int64_t length) {
  check_shape(second, {-1}, "undo_delay", "second");
  check_floating(second, "undo_delay", "second");
  check<ConfigError>(sample_rate_hz > 0 && std::isfinite(sample_rate_hz), "[undo_delay] expected sample_rate_hz > 0, got {}", {sample_rate_hz});
  check<ConfigError>(length > 0, "[undo_delay] expected length > 0, got {}", {length});
  check<ConfigError>(std::isfinite(estimate.delay_seconds) && std::abs(estimate.drift_ppm) <= 1e5,
                     "[undo_delay] expected a finite delay and a drift of at most 100000 ppm, got {} s and {} ppm",
                     {estimate.delay_seconds, estimate.drift_ppm});
  const detail::SincInterpolator interpolator;
  const Tensor x = second.detach().to(at::kCPU, at::kFloat).contiguous();
  Tensor values = at::zeros({length}, at::kFloat), mask = at::zeros({length}, at::kBool);
  for (int64_t i = 0; i < length; ++i) {
    const double place = estimate.second_time(static_cast<double>(i) / sample_rate_hz) * sample_rate_hz;
    const bool inside = place >= 0 && place <= static_cast<double>(x.size(0) - 1);
    mask.mutable_data_ptr<bool>()[i] = inside;
    if (inside) values.mutable_data_ptr<float>()[i] = static_cast<float>(interpolator.at(samples_of(x), place));
  }
  return {.values = values.to(second.scalar_type()), .mask = mask};
}

}  // namespace alloy
