// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Log-mel spectrogram: what spectrogram encoders read of a waveform. Agrees with librosa 0.11 for every combination of
/// its options.

#include <alloy/core/options.hpp>
#include <alloy/core/tensor.hpp>

#include <array>
#include <utility>

namespace alloy {

/// htk: 2595 log10(1 + f / 700). slaney: linear up to 1 kHz, logarithmic above (Auditory Toolbox).
enum class MelScale { htk, slaney };
constexpr auto enum_names(MelScale) {
  return std::to_array<std::pair<MelScale, std::string_view>>({{MelScale::htk, "htk"}, {MelScale::slaney, "slaney"}});
}

/// none: triangles of height 1. slaney: of area 1 in Hz, so that wide filters do not weigh more.
enum class MelNorm { none, slaney };
constexpr auto enum_names(MelNorm) {
  return std::to_array<std::pair<MelNorm, std::string_view>>({{MelNorm::none, "none"}, {MelNorm::slaney, "slaney"}});
}

enum class Spectrum { power, magnitude };
constexpr auto enum_names(Spectrum) {
  return std::to_array<std::pair<Spectrum, std::string_view>>({{Spectrum::power, "power"}, {Spectrum::magnitude, "magnitude"}});
}

/// db: 10 log10 of power, 20 log10 of magnitude; ln; log10.
enum class LogKind { db, ln, log10 };
constexpr auto enum_names(LogKind) {
  return std::to_array<std::pair<LogKind, std::string_view>>({{LogKind::db, "db"}, {LogKind::ln, "ln"}, {LogKind::log10, "log10"}});
}

/// What stands before the first and after the last sample, fft_size / 2 on each side, so that frame t is centred on
/// sample t * hop_size: the signal mirrored, zeros, or nothing (then frame t begins there).
enum class FramePadding { reflect, zeros, none };
constexpr auto enum_names(FramePadding) {
  return std::to_array<std::pair<FramePadding, std::string_view>>(
      {{FramePadding::reflect, "reflect"}, {FramePadding::zeros, "zeros"}, {FramePadding::none, "none"}});
}

struct LogMelOptions {
  int64_t sample_rate_hz = 16000;
  int64_t window_size = 400;
  int64_t fft_size = 512;
  int64_t hop_size = 160;
  int64_t mel_bins = 64;
  double min_hz = 0.0;
  double max_hz = 0.0;
  MelScale mel_scale = MelScale::slaney;
  MelNorm mel_norm = MelNorm::slaney;
  Spectrum spectrum = Spectrum::power;
  LogKind log = LogKind::ln;
  double floor = 1e-10;
  double top_db = 0.0;
  FramePadding padding = FramePadding::reflect;
  static void describe(auto& self, auto&& field) {
    field("sample_rate_hz", self.sample_rate_hz, "of the waveforms, 1..1000000; they are not resampled here");
    field("window_size", self.window_size, "samples under the periodic Hann window, 2..fft_size");
    field("fft_size", self.fft_size, "samples of the Fourier transform, 2..65536; the window stands in its middle");
    field("hop_size", self.hop_size, "samples from frame to frame, 1..1048576");
    field("mel_bins", self.mel_bins, "filters, 1..4096");
    field("min_hz", self.min_hz, "lower edge of the first filter, >= 0");
    field("max_hz", self.max_hz, "upper edge of the last filter, above min_hz; 0 = half the sample rate, which is the most");
    field("mel_scale", self.mel_scale, "how filters are spread over frequencies");
    field("mel_norm", self.mel_norm, "height of the filters");
    field("spectrum", self.spectrum, "square of the absolute values, or the absolute values");
    field("log", self.log, "logarithm");
    field("floor", self.floor, "smaller mel values are raised to it before the logarithm, > 0");
    field("top_db", self.top_db, "with log = db: values further below the largest of their waveform are raised; 0 = off");
    field("padding", self.padding, "what stands before and after the signal");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// Triangular filters over the lines of a spectrum. Where there are more filters than the transform resolves, the lowest
/// may be empty (all 0), as in librosa.
/// @return float64 [mel_bins, fft_size / 2 + 1]
ALLOY_API Tensor mel_filter_bank(const LogMelOptions& options);

/// Holds window and filters. Immutable after construction; any number of threads may share one.
class ALLOY_API LogMel {
 public:
  using Options = LogMelOptions;
  static constexpr auto kName = "log_mel";
  explicit LogMel(LogMelOptions options = {});
  /// A waveform too short for its padding or for one frame counts as followed by the fewest zeros that suffice.
  /// @param waveform  [T] or [B, T], float32 or float64, any device, T > 0, finite
  /// @return [frames, mel_bins] or [B, frames, mel_bins], of the waveform's dtype; frames = num_frames(T)
  /// @throws ShapeError
  Tensor operator()(const Tensor& waveform) const;
  /// The frames of a waveform of so many samples: 1 + samples / hop_size where it is padded.
  int64_t num_frames(int64_t samples) const;
  const LogMelOptions& options() const { return options_; }

 private:
  int64_t least_samples() const;
  LogMelOptions options_;
  Tensor window_;  // float64 [fft_size]
  Tensor bank_;    // float64 [fft_size / 2 + 1, mel_bins]
};

}  // namespace alloy
