// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Spoken words without recordings: each word said by many synthetic voices. The `espeak-ng` program does the speaking; it is
/// run as a program of its own (it is under the GPL) and never linked. Synthesised speech is far more regular than that of
/// people: results on it say nothing about real speakers.

#include <alloy/core/options.hpp>
#include <alloy/core/progress.hpp>
#include <alloy/core/tensor.hpp>

namespace alloy {

struct SpeechBankOptions {
  std::vector<std::string> words = {};
  std::vector<std::string> voices = {"en-us"};
  std::vector<int64_t> speeds_wpm = {150, 175, 200};
  std::vector<int64_t> pitches = {35, 65};
  int64_t sample_rate_hz = 16000;
  int64_t samples = 16000;
  std::string program = "espeak-ng";
  std::filesystem::path cache = {};
  int64_t workers = 0;
  static void describe(auto& self, auto&& field) {
    field("words", self.words, "words or short phrases to say, at least one, no repeats");
    field("voices", self.voices, "espeak-ng voices, `en-us` or with a variant `en-us+f2`, at least one, no repeats; see `espeak-ng --voices=en`, `--voices=variant`");
    field("speeds_wpm", self.speeds_wpm, "words a minute, 80..450, at least one");
    field("pitches", self.pitches, "0..99, at least one");
    field("sample_rate_hz", self.sample_rate_hz, "of the waveforms, 4000..48000");
    field("samples", self.samples, "length of every waveform, 1..1000000; zeros follow a shorter word, a longer one is cut");
    field("program", self.program, "name or path of the espeak-ng program");
    field("cache", self.cache, "folder that keeps the speech for the next time; empty = none");
    field("workers", self.workers, "processes at once, 0..256; 0 = one a core");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// What was said, without silence before and after it. A value.
struct SpeechBank {
  SpeechBankOptions options;
  Tensor waveforms;  ///< int16 [voices, speeds, pitches, words, samples], zeros behind the end of the word
  Tensor lengths;    ///< int64 [voices, speeds, pitches, words], samples of the word itself, 1..samples
  bool from_cache = false;
};

/// About 15 ms of processor time an utterance, once; then the cache, one file for each set of options and version of
/// espeak-ng, is read. A cache file that is damaged is made again; one that cannot be written is logged as a warning.
/// The same version of espeak-ng says the same samples.
/// @throws IoError if espeak-ng is not installed, with the command that installs it; ConfigError for a voice that it does
///         not know, and for two voices that sound the same (espeak-ng silently ignores a variant that it cannot apply);
///         CancelledError
ALLOY_API SpeechBank make_speech_bank(const SpeechBankOptions& options, const ProgressCallback& progress = {}, const CancelToken& cancel = {});

}  // namespace alloy
