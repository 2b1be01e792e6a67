// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A small speech recogniser for a closed set of words: log-mel frames, any encoder that gives a token a step, and for each
/// step the log-probabilities of CTC over the units of a lexicon. Trained by SpeechTrainer, used by align_speech.
///
///     SpeechRecognizer model({.lexicon = english_lexicon()}, DilatedConvEncoder({.channels = 80, .dim = 96, .layers = 5}));
///     Tensor log_probs = model->log_probs(read_audio("said.wav"));   // [T, V], a step each 20 ms

#include <alloy/core/encoder.hpp>
#include <alloy/io/audio_file.hpp>
#include <alloy/layers/linear.hpp>
#include <alloy/preprocess/lexicon.hpp>
#include <alloy/preprocess/log_mel.hpp>

#include <filesystem>

namespace alloy {

struct SpeechRecognizerOptions {
  LexiconOptions lexicon = {};
  int64_t frames_per_step = 2;
  /// Telephone speech: what is sampled faster is resampled first, so that all voices lack what the poorest lacks.
  LogMelOptions log_mel = {.sample_rate_hz = 8000,
                           .window_size = 200,
                           .fft_size = 256,
                           .hop_size = 80,
                           .mel_bins = 40,
                           .min_hz = 60,
                           .max_hz = 3900,
                           .mel_scale = MelScale::htk,
                           .mel_norm = MelNorm::none,
                           .floor = 1e-3};
  static void describe(auto& self, auto&& field) {
    field("lexicon", self.lexicon, "the words that it knows, and their units");
    field("frames_per_step", self.frames_per_step, "frames of the spectrogram that the encoder reads as one step, 1..64");
    field("log_mel", self.log_mel, "the spectrogram, of waveforms whose root mean square is 0.1");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// Shares the encoder with whoever made it. In evaluation mode several threads may use one; training is for one thread.
class ALLOY_API SpeechRecognizerImpl final : public torch::nn::Module {
 public:
  /// @throws ConfigError for an encoder without tokens
  SpeechRecognizerImpl(SpeechRecognizerOptions options, Handle<Encoder> encoder);

  /// What the encoder reads of a waveform: log-mel of even loudness, each bin less its mean over time, all over their standard
  /// deviation, so that neither loudness nor the colour of a line matters.
  /// @param waveform  [samples] float on the CPU, at sample_rate_hz(), finite
  /// @return [T, frames_per_step * mel_bins], T = num_steps(samples) >= 1
  Tensor features(const Tensor& waveform) const;
  int64_t num_steps(int64_t samples) const;

  struct Output {
    Tensor log_probs;  ///< [B, T, V]
    Tensor lengths;    ///< [B] int64 on the CPU
  };
  /// @param features  one [T_i, frames_per_step * mel_bins] a sample, padded here to the longest
  /// @throws ShapeError; ModelError if the encoder does not give a token a step
  Output forward(const std::vector<Tensor>& features);
  /// Any channels and any rate, in evaluation mode without gradients.
  /// @return [T, V] on the CPU @throws DataError for audio without samples
  Tensor log_probs(const Audio& audio);

  int64_t sample_rate_hz() const { return options_.log_mel.sample_rate_hz; }
  double step_seconds() const;
  /// Where step 0 begins: half a frame before its first frame's centre, which lies on sample 0.
  double first_seconds() const;
  /// How late each unit is said [V], seconds: zero until `measure_lags`. Saved with the weights.
  std::vector<double> lags() const;
  /// @throws ShapeError unless there is one a unit
  void set_lags(const std::vector<double>& seconds);

  const Lexicon& lexicon() const { return lexicon_; }
  const Encoder& encoder() const { return *encoder_; }
  const SpeechRecognizerOptions& options() const { return options_; }

 private:
  SpeechRecognizerOptions options_;
  Lexicon lexicon_;
  LogMel log_mel_;
  Handle<Encoder> encoder_;
  Linear head_;
  Tensor lags_;  // float64 [V], a buffer
};

class SpeechRecognizer : public torch::nn::ModuleHolder<SpeechRecognizerImpl> {
 public:
  SpeechRecognizer(SpeechRecognizerOptions options, Handle<Encoder> encoder)
      : ModuleHolder(std::make_shared<SpeechRecognizerImpl>(std::move(options), std::move(encoder))) {}
  SpeechRecognizer(std::nullptr_t) : ModuleHolder(nullptr) {}  // NOLINT(google-explicit-constructor)
};

/// A folder of `config.json` (model_type `alloy_speech`) and `model.safetensors`, as of other models.
/// @throws ConfigError if the encoder is not registered (with the line that registers it); IoError as replace_folder
ALLOY_API void save_model(const std::filesystem::path& folder, const SpeechRecognizer& model);
/// In evaluation mode. @throws IoError if a file is missing; DataError or ConfigError naming what is wrong in it, also for a
///         folder of another kind of model
ALLOY_API SpeechRecognizer load_speech_model(const std::filesystem::path& folder);

}  // namespace alloy
