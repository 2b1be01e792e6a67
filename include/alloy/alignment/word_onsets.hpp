// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Words of a CTC alignment placed by their onsets: more exact than the shares of `word_spans` where it is known how late the
/// network says each token, and where the recording is at hand to find the pauses.
///
/// A CTC network says a token for a frame or two somewhere in its sound, later in an s than in a vowel, and says nothing about
/// where the token ends (Note [Peaky CTC] in word_spans.hpp). So:
///   - a word starts at its first token minus the lag of that token, measured on speech with known words (`onset_lags`);
///   - it lasts until the next word starts, however long it is drawn out,
///   - unless the recording is quiet in between: then it ends where the quiet begins, and the next word does not start
///     before it ends.

#include <alloy/alignment/timed_speech.hpp>

namespace alloy {

struct WordOnsetOptions {
  double frame_seconds = 0.02;
  double first_seconds = 0.0;
  double quiet_below_peak_db = 35.0;
  double min_pause_seconds = 0.1;
  double max_tail_seconds = 0.5;
  static void describe(auto& self, auto&& field) {
    field("frame_seconds", self.frame_seconds, "from frame to frame of the network, > 0");
    field("first_seconds", self.first_seconds, "where frame 0 begins; may be below 0");
    field("quiet_below_peak_db", self.quiet_below_peak_db,
          "what is quieter, measured from the loudest 20 ms, is a pause, > 0; an s over the telephone may be 40 dB quieter than a vowel");
    field("min_pause_seconds", self.min_pause_seconds, "shorter quiet is part of a word, as before the release of a t, > 0");
    field("max_tail_seconds", self.max_tail_seconds, "the most that a word lasts after its last token, >= 0");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// @param alignment  of the whole audio @param words  as in word_spans
/// @param lags   seconds that each token is late, [V], of either sign; empty = 0 for all
/// @param audio  one channel
/// @return words in order within the audio, none overlapping, each with a length above 0
/// @throws DataError for words that do not fit the alignment, a token that has no lag, and more words than milliseconds;
///         ConfigError; ShapeError
ALLOY_API std::vector<WordSpan> words_by_onsets(const CtcAlignment& alignment, const std::vector<WordTokens>& words, const std::vector<double>& lags,
                                                const Audio& audio, const WordOnsetOptions& options);

/// One first token of a word that was heard, and when its word began.
struct HeardOnset {
  int64_t token = 0;
  double found_seconds = 0;
  double true_seconds = 0;
};
/// For each token the median of how late it was found. Tokens with few words are drawn towards the median of all: as if three more
/// words had had that one; a token without any has it.
/// @param num_tokens  V @return [V] seconds; zeros without onsets @throws DataError for a token outside 0..V-1 or times that are not finite
ALLOY_API std::vector<double> onset_lags(const std::vector<HeardOnset>& onsets, int64_t num_tokens);

}  // namespace alloy
