// SPDX-License-Identifier: Apache-2.0
#pragma once

/// How something is said rather than what: sentences spoken by `espeak-ng` with a course of pitch, of volume, range, rate and emphasis.
/// This is prosody, synthesised and regular; it is not emotion, and results on it say nothing about how people feel or speak. As in
/// speech_bank.hpp the program is run as one of its own and never linked.

#include <alloy/core/options.hpp>
#include <alloy/core/progress.hpp>
#include <alloy/core/tensor.hpp>

namespace alloy {

/// What is done to a voice's own way of speaking.
struct Prosody {
  std::vector<double> pitch = {0};   ///< percent above the voice's own pitch at equal steps over the words, linear between them; -90..200
  std::vector<double> volume = {0};  ///< percent above the voice's own volume, alike; -90..200
  double range = 100;                ///< percent of the natural rise and fall within a sentence, 0..300
  double rate = 100;                 ///< percent of the speed, 50..200
  int64_t emphasis = 0;              ///< every how many words one is stressed, 20 points higher and 40 louder, from the first on; 0 = none
};

/// The words of a text as SSML with that prosody; what is special in XML is escaped.
/// @throws ConfigError for a text without words, and for values out of range
ALLOY_API std::string prosody_ssml(std::string_view text, const Prosody& prosody);

/// One sentence by one voice.
struct Utterance {
  std::string text;
  std::string voice = "en-us";  ///< of espeak-ng, with a variant `en-us+f2`
  int64_t pitch = 50;           ///< the speaker's own, 0..99
  int64_t speed_wpm = 175;      ///< 80..450
  Prosody prosody = {};
};

struct SpeakOptions {
  int64_t sample_rate_hz = 8000;
  std::string program = "espeak-ng";
  std::filesystem::path cache = {};
  int64_t workers = 0;
  static void describe(auto& self, auto&& field) {
    field("sample_rate_hz", self.sample_rate_hz, "of the waveforms, 4000..48000");
    field("program", self.program, "name or path of the espeak-ng program");
    field("cache", self.cache, "folder that keeps the speech for the next time; empty = none");
    field("workers", self.workers, "processes at once, 0..256; 0 = one a core");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// What was said, each without silence before and after it. About 20 ms of processor time an utterance; the same version of espeak-ng
/// says the same samples. A cache file that is damaged is made again.
/// @return one waveform [N] float in -1..1 an utterance
/// @throws ConfigError; IoError if espeak-ng is not installed, with the command that installs it; CancelledError
ALLOY_API std::vector<Tensor> speak(const std::vector<Utterance>& utterances, const SpeakOptions& options = {}, const ProgressCallback& progress = {},
                                    const CancelToken& cancel = {});

}  // namespace alloy
