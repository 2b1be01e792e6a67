// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Speech as a picture for the pages of eval/html_report.hpp: the spectrogram, and above it the words where they are said, one
/// row for each way of placing them.

#include <alloy/alignment/timed_speech.hpp>

namespace alloy::html {

struct WordLane {
  std::string name;  ///< "truth", "found by ..."
  std::vector<WordSpan> words;
};
struct WordChart {
  std::string title, description = {};
  Audio audio;                       ///< one channel
  std::vector<WordLane> lanes = {};  ///< the boundaries of the first are drawn over the spectrogram, those of the second beside them
  double fps = 0;                    ///< marks the frames of a video; 0 = none
};
inline constexpr double kMostWordChartSeconds = 40;  ///< what comes later is not drawn
/// @throws ShapeError unless there is one channel and at least one sample
ALLOY_API std::string word_chart(const WordChart& chart);
/// Words and their times as a table, a column a lane.
/// @throws ShapeError for lanes of different length
ALLOY_API std::string word_table(const WordChart& chart);

}  // namespace alloy::html
