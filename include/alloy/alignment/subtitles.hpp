// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Subtitles of timed words: SubRip (.srt), which every player reads, and WebVTT (.vtt), which browsers read.

#include <alloy/alignment/word_spans.hpp>

namespace alloy {

struct SubtitleOptions {
  int64_t max_line_chars = 42;
  int64_t max_lines = 2;
  double max_cue_seconds = 6;
  double max_pause_seconds = 0.8;
  static void describe(auto& self, auto&& field) {
    field("max_line_chars", self.max_line_chars, "characters a line, 1..1000; a longer word has a line of its own");
    field("max_lines", self.max_lines, "lines shown at once, 1..10");
    field("max_cue_seconds", self.max_cue_seconds, "how long words stand together, > 0; a longer word stands alone");
    field("max_pause_seconds", self.max_pause_seconds, "a pause between words above it begins a new subtitle, >= 0");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// What is shown at once.
struct SubtitleCue {
  TimeSpan time;
  std::vector<std::string> lines;
};

/// Words in order of time, as many together as the limits allow. Text is cleaned: malformed UTF-8 becomes U+FFFD, control characters,
/// line ends and runs of spaces one space; a word of nothing else is left out.
/// @throws DataError for times that are not finite, below 0 or not ascending
ALLOY_API std::vector<SubtitleCue> group_subtitles(const std::vector<WordSpan>& words, const SubtitleOptions& options = {});

/// Milliseconds, each cue at least one long. Markup is taken out of the text: `<`, `>`, `{` and `}` become look-alikes that no player
/// takes for a tag, since SubRip cannot escape them.
ALLOY_API std::string srt_text(const std::vector<SubtitleCue>& cues);
/// The same as WebVTT, where `&`, `<` and `>` are escaped.
ALLOY_API std::string webvtt_text(const std::vector<SubtitleCue>& cues);

/// Groups and writes; a file that is there is replaced as a whole or stays. @throws IoError; as group_subtitles
ALLOY_API void write_srt(const std::filesystem::path& path, const std::vector<WordSpan>& words, const SubtitleOptions& options = {});
ALLOY_API void write_webvtt(const std::filesystem::path& path, const std::vector<WordSpan>& words, const SubtitleOptions& options = {});

}  // namespace alloy
