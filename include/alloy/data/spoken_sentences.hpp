// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Continuous speech with the exact times of its words: sentences of random words, said by synthetic voices. The `espeak-ng`
/// program does the speaking; it is run as a program of its own (it is under the GPL) and never linked. Synthesised speech is
/// far more regular than that of people: results on it say nothing about real speakers.

#include <alloy/alignment/timed_speech.hpp>
#include <alloy/core/options.hpp>
#include <alloy/core/progress.hpp>

namespace alloy {

struct SpokenSentencesOptions {
  std::vector<std::string> words = {};
  std::vector<std::string> say = {};
  std::vector<std::string> voices = {"en-us"};
  int64_t sentences = 8;
  int64_t min_words = 5;
  int64_t max_words = 9;
  int64_t min_speed_wpm = 110;
  int64_t max_speed_wpm = 235;
  int64_t min_pitch = 15;
  int64_t max_pitch = 85;
  int64_t sample_rate_hz = 16000;
  int64_t seed = 0;
  std::string program = "espeak-ng";
  int64_t workers = 0;
  static void describe(auto& self, auto&& field) {
    field("words", self.words, "at least one, no repeats; all come equally often");
    field("say", self.say, "how each word is written for espeak-ng, `bee` for the letter b; empty = as the words, an empty entry = as its word");
    field("voices", self.voices, "espeak-ng voices, `en-us` or with a variant `en-us+klatt2`, at least one, no repeats; without echo");
    field("sentences", self.sentences, "of each voice, 1..100000");
    field("min_words", self.min_words, "of a sentence, 2..max_words");
    field("max_words", self.max_words, "up to 100");
    field("min_speed_wpm", self.min_speed_wpm, "words a minute, 80..max_speed_wpm; each sentence has a speed of its own");
    field("max_speed_wpm", self.max_speed_wpm, "up to 450");
    field("min_pitch", self.min_pitch, "0..max_pitch; each sentence has a pitch of its own");
    field("max_pitch", self.max_pitch, "up to 99");
    field("sample_rate_hz", self.sample_rate_hz, "of the audio, 4000..48000");
    field("seed", self.seed, "of words, speeds and pitches");
    field("program", self.program, "name or path of the espeak-ng program");
    field("workers", self.workers, "processes at once, 0..256; 0 = one a core");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

struct SpokenSentences {
  std::vector<TimedSpeech> sentences = {};  ///< voice by voice; `speaker` is the voice
  int64_t left_out = 0;                     ///< sentences whose words could not be told apart
};

/// About 35 ms of processor time a sentence. The same version of espeak-ng says the same samples.
/// A word runs from its first to its last sounding sample. espeak-ng's own word events lie at the same sample, but for words that
/// begin with a consonant that is silent at first: its event is at the beginning of that silence, up to 20 ms before an f, s or th and
/// up to 70 ms before the release of a k, p or t.
/// Telling the words apart (by making every other one quieter) makes espeak-ng put a short pause before each word; it is taken out again.
/// @throws IoError if espeak-ng is not installed, with the command that installs it; ConfigError for a voice that it does not
///         know, and for one with an echo, whose words run into each other; CancelledError
ALLOY_API SpokenSentences speak_sentences(const SpokenSentencesOptions& options, const ProgressCallback& progress = {},
                                          const CancelToken& cancel = {});

/// Voices of espeak-ng: 34 to learn from and 10 to report on. Each is another variant with one accent, none has an echo, and half of the ten have
/// an accent that the others have not. All are of one synthesiser, and some are alike.
/// @param most  the first so many, or as many as there are
ALLOY_API std::vector<std::string> training_voices(size_t most = 34);
ALLOY_API std::vector<std::string> test_voices(size_t most = 10);

}  // namespace alloy
