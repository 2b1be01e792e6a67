// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Speech whose words have known times, how loud sound is over time, and how far found boundaries are from true ones.

#include <alloy/alignment/word_spans.hpp>
#include <alloy/io/audio_file.hpp>

#include <functional>
#include <span>

namespace alloy {

/// A recording and its words in order: what an aligner is measured with.
struct TimedSpeech {
  std::string speaker = {};
  Audio audio = {};                  ///< one channel
  std::vector<WordSpan> words = {};  ///< score is not used
  std::vector<std::string> texts() const;
};

/// Loudness of one channel: frame i is the mean power around second i * hop_seconds, within half a window on either side.
/// @param hop_seconds, window_seconds  > 0, at least one sample
/// @return decibel below full scale, at least -120; one value for every hop that begins within the audio
/// @throws ShapeError unless there is one channel and at least one sample; ConfigError; DataError for samples that are not finite
ALLOY_API std::vector<double> loudness_db(const Audio& audio, double hop_seconds = 0.01, double window_seconds = 0.02);

/// Where the sound begins and ends: what is louder than `below_peak_db` under the loudest window of 10 ms. The whole audio
/// where all is silent.
/// @param below_peak_db  > 0 @throws as loudness_db
ALLOY_API TimeSpan sound_extent(const Audio& audio, double below_peak_db = 40);

/// Distances in seconds between found and true boundaries inside an utterance: where each word but the last ends, and where
/// each word but the first begins. Its outer ends count for nothing: they are where the sound is, which anything finds.
/// @return 2 (words - 1) values: all ends, then all starts
/// @throws DataError unless both hold the same texts in the same order
ALLOY_API std::vector<double> boundary_errors(const std::vector<WordSpan>& found, const std::vector<WordSpan>& truth);

/// A way of placing words in a recording.
using WordAligner = std::function<std::vector<WordSpan>(const Audio& audio, const std::vector<std::string>& words)>;

/// boundary_errors of many sentences together.
struct BoundaryScores {
  int64_t boundaries = 0;
  double median_seconds = 0;
  double p90_seconds = 0;  ///< nine in ten are at most as far off
  double within = 0;       ///< 0..1, share of those that are at most `within_seconds` off
};
/// @throws DataError if no sentence has two words; as boundary_errors, and what `align` throws
ALLOY_API BoundaryScores boundary_scores(const WordAligner& align, std::span<const TimedSpeech> sentences, double within_seconds = 0.05);

}  // namespace alloy
