// SPDX-License-Identifier: Apache-2.0
#include <alloy/preprocess/waveform.hpp>

#include <torch/types.h>

#include <algorithm>
#include <cmath>

namespace alloy {

namespace {

void check_waveform(const Tensor& waveform, std::string_view where) {
  check<ShapeError>(waveform.defined() && (waveform.dim() == 1 || waveform.dim() == 2) && waveform.is_cpu() &&
                        at::isFloatingType(waveform.scalar_type()) && waveform.numel() > 0,
                    "[{}] expected a floating waveform [T] or [B, T] on the CPU, got {}", {where, waveform});
}

// Factors that bring `level` [..., 1] to `target`; 1 where there is nothing to scale.
Tensor gain(const Tensor& level, double target) { return at::where(level > 0, target / level, 1.0); }

Tensor rms_of(const Tensor& x) {  // of the values divided by their peak, else small ones vanish when squared
  const Tensor peak = x.abs().amax(-1, /*keepdim=*/true);
  return peak * (x * gain(peak, 1.0)).square().mean(-1, /*keepdim=*/true).sqrt();
}

}  // namespace

Tensor pad_or_crop(const Tensor& waveform, int64_t length) {
  check_waveform(waveform, "pad_or_crop");
  check<ConfigError>(length > 0, "[pad_or_crop] expected a length > 0, got {}", {length});
  const int64_t samples = waveform.size(-1);
  return samples >= length ? waveform.narrow(-1, 0, length).clone() : at::constant_pad_nd(waveform, {0, length - samples});
}

Tensor normalise_peak(const Tensor& waveform, double peak) {
  check_waveform(waveform, "normalise_peak");
  check<ConfigError>(peak > 0 && std::isfinite(peak), "[normalise_peak] expected a finite peak > 0, got {}", {peak});
  const Tensor x = waveform.to(at::kDouble);
  return (x * gain(x.abs().amax(-1, /*keepdim=*/true), peak)).to(waveform.scalar_type());
}

Tensor normalise_rms(const Tensor& waveform, double rms) {
  check_waveform(waveform, "normalise_rms");
  check<ConfigError>(rms > 0 && std::isfinite(rms), "[normalise_rms] expected a finite rms > 0, got {}", {rms});
  const Tensor x = waveform.to(at::kDouble);
  return (x * gain(rms_of(x), rms)).to(waveform.scalar_type());
}

Tensor add_noise(const Tensor& waveform, double snr_db, Random& random) {
  check_waveform(waveform, "add_noise");
  check<ConfigError>(std::abs(snr_db) <= 100, "[add_noise] expected snr_db in -100..100, got {}", {snr_db});
  const Tensor x = waveform.to(at::kDouble);
  Tensor noise = torch::empty(x.sizes(), torch::kDouble);
  std::generate_n(noise.data_ptr<double>(), noise.numel(), [&] { return random.normal(); });
  const Tensor wanted = rms_of(x) * std::pow(10.0, -snr_db / 20);
  return (x + noise * (wanted / rms_of(noise))).to(waveform.scalar_type());
}

void DropOutOptions::validate() const {
  check<ConfigError>(fraction >= 0 && fraction <= 1, "[drop_out] expected fraction in 0..1, got {}", {fraction});
  check<ConfigError>(gap_samples > 0, "[drop_out] expected gap_samples > 0, got {}", {gap_samples});
}

Tensor drop_out(const Tensor& waveform, const DropOutOptions& o, Random& random) {
  o.validate();
  check_waveform(waveform, "drop_out");
  Tensor result = waveform.clone();
  const Tensor rows = result.dim() == 1 ? result.unsqueeze(0) : result;  // [B, T], the same memory
  const int64_t samples = rows.size(1), gap = std::min(o.gap_samples, samples);
  for (int64_t b = 0; b < rows.size(0); ++b) {
    int64_t left = std::llround(o.fraction * static_cast<double>(samples));
    for (const int64_t cell : random.permutation((samples + gap - 1) / gap)) {
      const int64_t length = std::min({gap, samples - cell * gap, left});
      if (length <= 0) break;
      rows[b].narrow(0, cell * gap, length).zero_();
      left -= length;
    }
  }
  return result;
}

}  // namespace alloy
