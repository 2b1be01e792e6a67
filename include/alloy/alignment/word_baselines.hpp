// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Words placed without a model of speech: what any aligner has to beat by far. All fill the extent of the sound without
/// gaps, so that a word begins where the one before it ends.

#include <alloy/alignment/timed_speech.hpp>

namespace alloy {

/// Every word as long as the others.
/// @param words  at least one @throws DataError without words; as sound_extent
ALLOY_API std::vector<WordSpan> split_evenly(const Audio& audio, const std::vector<std::string>& words);

/// Words as long as they have characters (of UTF-8).
ALLOY_API std::vector<WordSpan> split_by_letters(const Audio& audio, const std::vector<std::string>& words);

struct ValleyOptions {
  double min_word_seconds = 0.12;
  double evenness_db = 0.0;
  static void describe(auto& self, auto&& field) {
    field("min_word_seconds", self.min_word_seconds, "between two boundaries, > 0; halved until the words fit");
    field("evenness_db", self.evenness_db,
          "what a word that is twice as long as its share, or gone, costs in decibel of valley, >= 0; 0 = energy alone");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// Boundaries in the valleys of the energy: of all ways to choose as many as there are boundaries between words, the one whose
/// valleys are deepest together (a valley is as deep as the lower of the two peaks beside it stands above it, at most 40 dB).
/// With `evenness_db`, words are also drawn to the length that `split_by_letters` gives them. Where there are too few
/// valleys, any place may be a boundary, of depth 0. Takes words x (10 ms frames)^2 steps: for utterances, not for hours.
/// @throws DataError without words; ConfigError; as sound_extent
ALLOY_API std::vector<WordSpan> split_at_valleys(const Audio& audio, const std::vector<std::string>& words, const ValleyOptions& options = {});

/// All of these by name, to stand beside an aligner: "uniform split", "split by letters", "energy valleys", and "valleys, lengths by letters",
/// which has an evenness of 20 dB.
ALLOY_API std::vector<std::pair<std::string, WordAligner>> word_baselines();

}  // namespace alloy
