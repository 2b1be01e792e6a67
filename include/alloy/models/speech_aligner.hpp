// SPDX-License-Identifier: Apache-2.0
#pragma once

/// When each word of a transcript is said, by a speech recogniser: forced alignment by CTC, then words placed by their onsets.
///
///     SpeechRecognizer model = load_speech_model("recogniser");
///     const Audio audio = read_audio("said.wav");
///     for (const WordSpan& word : align_speech(model, audio, model->lexicon().split("seven monday b")).words) ...
///
/// A network of your own can take the recogniser's place: `align_log_probs` takes what any CTC network gave.

#include <alloy/alignment/word_onsets.hpp>
#include <alloy/models/speech_recognizer.hpp>

namespace alloy {

struct SpeechAlignOptions {
  WordOnsetOptions onsets = {};
  CtcAlignOptions ctc = {};
  static void describe(auto& self, auto&& field) {
    field("onsets", self.onsets, "how words are placed; frame_seconds and first_seconds are those of the recogniser");
    field("ctc", self.ctc, "the search; the blank is that of the lexicon");
  }
};

struct SpeechAlignment {
  std::vector<WordSpan> words = {};  ///< in the seconds of the audio
  CtcAlignment path = {};            ///< of the units, in steps of the network
};

/// @param audio  any channels and any rate
/// @param words  as `Lexicon::split` gives them
/// @throws DataError for a word that the model does not know, for audio too short for the words (says how long would do), without
///         words and without samples; ConfigError
ALLOY_API SpeechAlignment align_speech(SpeechRecognizer model, const Audio& audio, const std::vector<std::string>& words,
                                       const SpeechAlignOptions& options = {});

/// The same with log-probabilities from elsewhere. @param log_probs  [T, V] of the whole audio, V as the lexicon has units, blank first
/// @param lags  as words_by_onsets @param options  with frame_seconds and first_seconds of that network
ALLOY_API SpeechAlignment align_log_probs(const Tensor& log_probs, const Lexicon& lexicon, const Audio& audio, const std::vector<std::string>& words,
                                          const std::vector<double>& lags, const SpeechAlignOptions& options);

/// Words as the path has them, from the first token of each to its last, with nothing made up for: to see what words_by_onsets adds.
/// @throws as align_speech
ALLOY_API std::vector<WordSpan> words_on_path(SpeechRecognizer model, const Audio& audio, const std::vector<std::string>& words);

/// Measures how late the recogniser says each unit, on speech whose words are known, and keeps it in the model: take
/// speech of the training, never what is to be judged. Sentences too short to be aligned are left out.
/// @throws DataError without sentences that can be aligned
ALLOY_API void measure_lags(SpeechRecognizer model, const std::vector<TimedSpeech>& sentences);

}  // namespace alloy
