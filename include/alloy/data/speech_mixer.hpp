// SPDX-License-Identifier: Apache-2.0
#pragma once

/// New sentences out of recorded words, with the times of all words: for training on more orders of words than were
/// recorded, and for tests with a human voice of which there are single words only.

#include <alloy/alignment/timed_speech.hpp>
#include <alloy/core/options.hpp>
#include <alloy/core/random.hpp>

namespace alloy {

/// Cuts off what is quieter than `below_peak_db` under the loudest 10 ms at either end.
/// @throws as sound_extent
ALLOY_API Audio trim_silence(const Audio& audio, double below_peak_db = 34);

struct RecordedWord {
  std::string text;
  Audio audio;
};

/// One recording after the other, with no pause: the end of each fades into the beginning of the next, at most half of either.
/// The boundary is the middle of the fade.
/// @param words  each a recording of one word, one channel; `text` and audio
/// @throws DataError without words, for different rates and for empty audio; ConfigError unless crossfade_seconds >= 0
ALLOY_API TimedSpeech join_words(const std::vector<RecordedWord>& words, double crossfade_seconds = 0.02);

struct SpeechMixerOptions {
  double as_spoken = 0.5;
  int64_t min_words = 4;
  int64_t max_words = 8;
  double trim = 0.5;
  double pause = 0.25;
  double max_pause_seconds = 0.3;
  double max_crossfade_seconds = 0.04;
  double word_gain_db = 3.0;
  double max_edge_seconds = 0.3;
  double speed = 0.15;
  static void describe(auto& self, auto&& field) {
    field("as_spoken", self.as_spoken, "0..1, the chance of a sentence as it was spoken; else words of one speaker are put together");
    field("min_words", self.min_words, "of what is put together, 1..max_words");
    field("max_words", self.max_words, "up to 100");
    field("trim", self.trim, "0..1, the chance that the quiet ends of a word are cut off before it is joined");
    field("pause", self.pause, "0..1, the chance of a pause between two words, instead of a cross-fade");
    field("max_pause_seconds", self.max_pause_seconds, "longest pause, 0..10");
    field("max_crossfade_seconds", self.max_crossfade_seconds, "longest cross-fade, 0..1");
    field("word_gain_db", self.word_gain_db, "0..40, the most that a word is made louder or quieter");
    field("max_edge_seconds", self.max_edge_seconds, "longest silence before and after the sentence, 0..10");
    field("speed", self.speed, "s in 0..0.9: played by a factor of 1 - s .. 1 + s, which changes pitch and voice too");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// Immutable after construction; any number of threads may share one, each with a Random of its own.
class ALLOY_API SpeechMixer {
 public:
  /// @param sentences  one channel and one rate for all, with words
  /// @throws ConfigError; DataError without sentences, and naming one that has no words, another rate or words outside its audio
  SpeechMixer(std::vector<TimedSpeech> sentences, SpeechMixerOptions options = {});
  TimedSpeech operator()(Random& random) const;
  int64_t sample_rate_hz() const;
  const std::vector<TimedSpeech>& sentences() const { return sentences_; }
  const SpeechMixerOptions& options() const { return options_; }

 private:
  TimedSpeech put_together(Random& random) const;
  std::vector<TimedSpeech> sentences_;
  SpeechMixerOptions options_;
  std::vector<std::vector<size_t>> speakers_;  // places of the sentences of each
};

}  // namespace alloy
