// SPDX-License-Identifier: Apache-2.0
#include <alloy/preprocess/vibration_features.hpp>

#include <torch/fft.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>

namespace alloy {

namespace {

constexpr double kHalfLobe = 2;   // lines on either side of a frequency that hold 99.9 % of a sine under a Hann window
constexpr double kLeastLine = 4;  // so that half the shaft's rate is clear of zero and of the rate itself
constexpr double kLowestModulation = 2.5, kHighestModulation = 20;  // times the shaft's rate

/// Mean square of a signal that lies in each line of its spectrum: [B, K], the first and last lines counted once.
Tensor line_power(const Tensor& signal, const Tensor& window) {
  const auto n = static_cast<double>(signal.size(1));
  Tensor power = torch::fft::rfft(signal * window).abs().square() * (2 / (n * window.square().sum().item<double>()));  // [B, K]
  power.select(1, 0).mul_(0.5);
  if (signal.size(1) % 2 == 0) power.select(1, -1).mul_(0.5);
  return power;
}

/// Power of the lines below each line: [B, K + 1] double, so that the power of any stretch is a difference.
Tensor power_below(const Tensor& power) { return torch::constant_pad_nd(power.to(torch::kDouble).cumsum(1), {1, 0}); }

/// Root mean square of the lines from `low_hz` to before `high_hz`.
Tensor band(const Tensor& below, double line_hz, double low_hz, double high_hz) {
  const auto line = [&](double hz) { return std::min(static_cast<int64_t>(std::ceil(hz / line_hz - 1e-9)), below.size(1) - 1); };
  return (below.select(1, line(high_hz)) - below.select(1, line(low_hz))).clamp_min(0).sqrt();
}

/// Amplitude of the sine at a multiple of the shaft's rate.
Tensor order(const Tensor& below, const Tensor& shaft_line, double multiple) {
  const int64_t last = below.size(1) - 1;
  const Tensor first = (multiple * shaft_line - kHalfLobe - 0.5).ceil().to(torch::kLong).clamp(0, last);  // [B, 1]
  const Tensor behind = ((multiple * shaft_line + kHalfLobe + 0.5).floor().to(torch::kLong) + 1).clamp(0, last);
  return (2 * (below.gather(1, behind) - below.gather(1, first)).clamp_min(0)).sqrt().squeeze(1);
}

}  // namespace

void VibrationFeatureOptions::validate() const {
  check<ConfigError>(sample_rate_hz > 0 && std::isfinite(sample_rate_hz), "[vibration_features] expected a finite sample_rate_hz > 0, got {}",
                     {sample_rate_hz});
  check<ConfigError>(mid_hz > 0 && high_hz > mid_hz && high_hz < sample_rate_hz / 2,
                     "[vibration_features] expected 0 < mid_hz < high_hz < half the sample rate of {}, got {} and {}",
                     {sample_rate_hz, mid_hz, high_hz});
}

Tensor vibration_features(const Tensor& records, const Tensor& shaft_hz, const VibrationFeatureOptions& options) {
  options.validate();
  check_shape(records, {-1, -1}, "vibration_features", "records");
  check_floating(records, "vibration_features", "records");
  check<ShapeError>(records.is_cpu() && records.numel() > 0, "[vibration_features] expected records [B, N] on the CPU with B > 0 and N > 0, got {}",
                    {records});
  check_shape(shaft_hz, {records.size(0)}, "vibration_features", "shaft_hz");
  const at::NoGradGuard no_gradients;
  const int64_t n = records.size(1);
  const double line_hz = options.sample_rate_hz / static_cast<double>(n);
  const double slowest = shaft_hz.min().item<double>(), fastest = shaft_hz.max().item<double>();
  check<DataError>(std::isfinite(slowest) && slowest > 0 && slowest / 2 >= kLeastLine * line_hz,
                   "[vibration_features] expected records long enough for a shaft of {} Hz, at least {} samples, got {}",
                   {slowest, slowest > 0 ? std::ceil(2 * kLeastLine * options.sample_rate_hz / slowest) : INFINITY, n});
  check<DataError>(3 * fastest < options.sample_rate_hz / 2,
                   "[vibration_features] expected a shaft slower than {} Hz (a sixth of the sample rate), got {}",
                   {options.sample_rate_hz / 6, fastest});
  check<DataError>(records.isfinite().all().item<bool>(), "[vibration_features] expected finite records, got NaN or infinity");

  const auto of = records.options();
  const Tensor signal = records - records.mean(1, /*keepdim=*/true);                // [B, N]
  const Tensor below = power_below(line_power(signal, torch::hann_window(n, of)));  // [B, K + 1]
  const Tensor hz = torch::arange(n / 2 + 1, of) * line_hz;                         // [K]
  const Tensor shaft_line = (shaft_hz.to(torch::kDouble) / line_hz).unsqueeze(1);   // [B, 1]
  Tensor harmonics = torch::zeros({records.size(0)}, torch::kDouble);
  for (int multiple = 3; multiple <= 8; ++multiple) harmonics += order(below, shaft_line, multiple).square();

  // The analytic signal of the high band: its real part is the band, its absolute value the envelope.
  Tensor spectrum = torch::fft::rfft(signal) * hz.ge(options.high_hz).to(records.scalar_type());  // [B, K]
  spectrum = 2 * torch::constant_pad_nd(spectrum, {0, n - spectrum.size(1)});                     // [B, N]
  const Tensor analytic = torch::fft::ifft(spectrum);
  const int64_t edge = n / 16;  // the first and last samples hold what a record that begins and ends anywhere leaks into the band
  const Tensor inner = analytic.narrow(1, edge, n - 2 * edge);
  const Tensor high = torch::real(inner), envelope = inner.abs();                        // [B, N']
  const Tensor square = high.square().mean(1), fourth = high.square().square().mean(1);  // [B]
  const Tensor level = envelope.mean(1);
  const Tensor envelope_power = line_power(envelope - level.unsqueeze(1), torch::hann_window(envelope.size(1), of));  // [B, K']
  const Tensor modulation = (2 * 5 * torch::avg_pool1d(envelope_power.unsqueeze(1), 5, 1, 2).squeeze(1)).sqrt();      // amplitude around each line
  const Tensor rates = torch::arange(envelope_power.size(1), of) * (options.sample_rate_hz / static_cast<double>(envelope.size(1))),
               shaft = shaft_hz.to(records.scalar_type()).unsqueeze(1);
  const Tensor searched = rates.ge(kLowestModulation * shaft).logical_and(rates.le(kHighestModulation * shaft));
  const Tensor strongest = (modulation * searched.to(records.scalar_type())).amax(1);
  const Tensor floor = 1e-12 * signal.square().mean(1) + torch::zeros({1}, of).fill_(1e-30);  // less than this in the high band is rounding
  const Tensor heard = square > floor;
  const auto ratio = [&](const Tensor& a, const Tensor& b) { return torch::where(heard, a / torch::where(heard, b, 1.0), 0.0); };
  const std::vector<Tensor> columns = {signal.square().mean(1).sqrt(),
                                       order(below, shaft_line, 0.5),
                                       order(below, shaft_line, 1),
                                       order(below, shaft_line, 2),
                                       harmonics.sqrt(),
                                       band(below, line_hz, options.mid_hz, options.high_hz),
                                       band(below, line_hz, options.high_hz, options.sample_rate_hz),
                                       ratio(fourth, square.square()),
                                       ratio(high.abs().amax(1), square.sqrt()),
                                       ratio(strongest, level)};
  Tensor out = torch::empty({records.size(0), static_cast<int64_t>(kVibrationFeatures.size())}, of);
  for (size_t i = 0; i < columns.size(); ++i) out.select(1, static_cast<int64_t>(i)).copy_(columns[i]);
  return out;
}

}  // namespace alloy
