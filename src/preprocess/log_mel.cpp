// SPDX-License-Identifier: Apache-2.0
#include <alloy/preprocess/log_mel.hpp>

#include <torch/fft.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>

namespace alloy {

namespace {

// Slaney's scale: 3 mel a 200 Hz up to 1 kHz, then 27 mel for each factor of 6.4.
constexpr double kHzPerMel = 200.0 / 3, kBreakHz = 1000.0, kBreakMel = kBreakHz / kHzPerMel;
const double kLogStep = std::log(6.4) / 27.0;

double hz_to_mel(double hz, MelScale scale) {
  if (scale == MelScale::htk) return 2595.0 * std::log10(1.0 + hz / 700.0);
  return hz < kBreakHz ? hz / kHzPerMel : kBreakMel + std::log(hz / kBreakHz) / kLogStep;
}

double mel_to_hz(double mel, MelScale scale) {
  if (scale == MelScale::htk) return 700.0 * (std::pow(10.0, mel / 2595.0) - 1.0);
  return mel < kBreakMel ? mel * kHzPerMel : kBreakHz * std::exp(kLogStep * (mel - kBreakMel));
}

double highest_hz(const LogMelOptions& o) { return o.max_hz == 0 ? static_cast<double>(o.sample_rate_hz) / 2 : o.max_hz; }

}  // namespace

void LogMelOptions::validate() const {
  const auto between = [](std::string_view name, int64_t value, int64_t low, int64_t high) {
    check<ConfigError>(value >= low && value <= high, "[LogMel] expected {} in {}..{}, got {}", {name, low, high, value});
  };
  between("sample_rate_hz", sample_rate_hz, 1, 1'000'000);
  between("fft_size", fft_size, 2, 65536);
  between("window_size", window_size, 2, fft_size);
  between("hop_size", hop_size, 1, 1 << 20);
  between("mel_bins", mel_bins, 1, 4096);
  const double half = static_cast<double>(sample_rate_hz) / 2;
  check<ConfigError>(min_hz >= 0 && min_hz < highest_hz(*this) && highest_hz(*this) <= half,
                     "[LogMel] expected 0 <= min_hz < max_hz <= {} (half the sample rate), got {} and {}", {half, min_hz, max_hz});
  check<ConfigError>(floor >= 1e-37 && std::isfinite(floor), "[LogMel] expected a finite floor of at least 1e-37, got {}", {floor});
  check<ConfigError>(top_db >= 0 && std::isfinite(top_db), "[LogMel] expected a finite top_db >= 0, got {}", {top_db});
  check<ConfigError>(top_db == 0 || log == LogKind::db, "[LogMel] expected log = db where top_db is set, got {}", {log});
}

Tensor mel_filter_bank(const LogMelOptions& o) {
  o.validate();
  const int64_t lines = o.fft_size / 2 + 1;
  const double low = hz_to_mel(o.min_hz, o.mel_scale), high = hz_to_mel(highest_hz(o), o.mel_scale);
  std::vector<double> edges;  // Hz; filter m rises from edge m to m + 1 and falls to m + 2
  for (int64_t i = 0; i < o.mel_bins + 2; ++i)
    edges.push_back(mel_to_hz(low + (high - low) * static_cast<double>(i) / static_cast<double>(o.mel_bins + 1), o.mel_scale));
  Tensor bank = torch::empty({o.mel_bins, lines}, torch::kDouble);
  double* out = bank.data_ptr<double>();
  for (size_t m = 0; m < static_cast<size_t>(o.mel_bins); ++m) {
    const double left = edges[m], middle = edges[m + 1], right = edges[m + 2];
    const double height = o.mel_norm == MelNorm::slaney ? 2.0 / (right - left) : 1.0;
    for (int64_t k = 0; k < lines; ++k) {
      const double hz = static_cast<double>(k * o.sample_rate_hz) / static_cast<double>(o.fft_size);
      *out++ = height * std::max(0.0, std::min((hz - left) / (middle - left), (right - hz) / (right - middle)));
    }
  }
  return bank;
}

LogMel::LogMel(LogMelOptions options) : options_(options), bank_(mel_filter_bank(options).t().contiguous()) {
  const int64_t left = (options_.fft_size - options_.window_size) / 2;
  window_ = torch::zeros({options_.fft_size}, torch::kDouble);
  window_.narrow(0, left, options_.window_size).copy_(torch::hann_window(options_.window_size, /*periodic=*/true, torch::kDouble));
}

int64_t LogMel::least_samples() const {
  switch (options_.padding) {
    case FramePadding::reflect: return options_.fft_size / 2 + 1;  // the first sample is not repeated
    case FramePadding::zeros: return options_.fft_size % 2 + 1;
    case FramePadding::none: return options_.fft_size;
  }
  return 1;
}

int64_t LogMel::num_frames(int64_t samples) const {
  const int64_t around = options_.padding == FramePadding::none ? 0 : options_.fft_size / 2 * 2;
  return 1 + (std::max(samples, least_samples()) + around - options_.fft_size) / options_.hop_size;
}

Tensor LogMel::operator()(const Tensor& waveform) const {
  const LogMelOptions& o = options_;
  check<ShapeError>(waveform.defined() && (waveform.dim() == 1 || waveform.dim() == 2) && waveform.numel() > 0 &&
                        (waveform.scalar_type() == at::kFloat || waveform.scalar_type() == at::kDouble),
                    "[LogMel] expected a waveform float32 or float64 [T] or [B, T] with T > 0, got {}", {waveform});
  const bool single = waveform.dim() == 1;
  Tensor x = single ? waveform.unsqueeze(0) : waveform;  // [B, T]
  if (x.size(1) < least_samples()) x = at::constant_pad_nd(x, {0, least_samples() - x.size(1)});
  const int64_t side = o.fft_size / 2;
  if (o.padding == FramePadding::reflect) x = at::reflection_pad1d(x, {side, side});
  if (o.padding == FramePadding::zeros) x = at::constant_pad_nd(x, {side, side});
  x = x.unfold(1, o.fft_size, o.hop_size) * window_.to(x.options());  // [B, frames, fft_size]
  x = torch::fft::rfft(x).abs();                                      // [B, frames, lines]
  if (o.spectrum == Spectrum::power) x = x.square();
  x = at::matmul(x, bank_.to(x.options())).clamp_min(o.floor);  // [B, frames, mel_bins]
  if (o.log == LogKind::ln) x = x.log();
  else x = x.log10();
  if (o.log == LogKind::db) x = x * (o.spectrum == Spectrum::power ? 10.0 : 20.0);
  if (o.top_db > 0) x = at::maximum(x, x.amax({1, 2}, /*keepdim=*/true) - o.top_db);
  return single ? x.squeeze(0) : x;
}

}  // namespace alloy
