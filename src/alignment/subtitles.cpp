// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/subtitles.hpp>

#include "core/detail/utf8.hpp"

#include <alloy/io/atomic_write.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace alloy {

namespace {

bool is_space_or_control(char32_t c) { return c <= 0x20 || (c >= 0x7F && c <= 0xA0) || c == 0x2028 || c == 0x2029; }

struct CleanText {
  std::string text;
  int64_t chars = 0;
};

/// Valid UTF-8 in one line.
CleanText clean(std::string_view text) {
  CleanText result;
  bool space = false;
  while (!text.empty()) {
    const char32_t c = detail::next_code_point(text);
    if (is_space_or_control(c)) {
      space = !result.text.empty();
      continue;
    }
    if (space) result.text += ' ';
    detail::append_utf8(result.text, c);
    result.chars += space ? 2 : 1;
    space = false;
  }
  return result;
}

std::string replaced(std::string_view text, std::initializer_list<std::pair<char, std::string_view>> by) {
  std::string result;
  for (const char c : text) {
    const auto found = std::ranges::find(by, c, &std::pair<char, std::string_view>::first);
    if (found == by.end()) result += c;
    else result += found->second;
  }
  return result;
}

void check_time(const TimeSpan& time, std::string_view where, size_t place) {
  constexpr double kLongest = 1000 * 3600.0;
  check<DataError>(time.start >= 0 && time.stop >= time.start && time.stop <= kLongest,
                   "[{}] expected times within 0..{} seconds that start before they stop, got [{}, {}) at place {}",
                   {where, kLongest, time.start, time.stop, place});
}

/// HH:MM:SS and milliseconds.
std::string clock_text(int64_t ms, char point) {
  const auto digits = [](int64_t number, size_t least) {
    std::string text = std::to_string(number);
    return std::string(least - std::min(least, text.size()), '0') + text;
  };
  return digits(ms / 3600000, 2) + ':' + digits(ms / 60000 % 60, 2) + ':' + digits(ms / 1000 % 60, 2) + point + digits(ms % 1000, 3);
}

/// How a kind of file writes what is the same in all.
struct Format {
  std::string_view where;  // in errors
  char point;              // between seconds and milliseconds
  bool numbered;
  std::string (*escape)(std::string_view line);
};

/// Cues without text are left out.
std::string cues_text(const std::vector<SubtitleCue>& cues, const Format& format) {
  std::string text;
  int64_t number = 0;
  for (size_t i = 0; i < cues.size(); ++i) {
    check_time(cues[i].time, format.where, i);
    std::string lines;
    for (const std::string& line : cues[i].lines)
      if (const std::string cleaned = format.escape(clean(line).text); !cleaned.empty()) lines += cleaned + '\n';
    if (lines.empty()) continue;
    const int64_t start = std::llround(cues[i].time.start * 1000), stop = std::max<int64_t>(std::llround(cues[i].time.stop * 1000), start + 1);
    if (format.numbered) text += std::to_string(++number) + '\n';
    text += clock_text(start, format.point) + " --> " + clock_text(stop, format.point) + '\n' + lines + '\n';
  }
  return text;
}

}  // namespace

void SubtitleOptions::validate() const {
  check<ConfigError>(max_line_chars >= 1 && max_line_chars <= 1000, "[SubtitleOptions] expected max_line_chars within 1..1000, got {}",
                     {max_line_chars});
  check<ConfigError>(max_lines >= 1 && max_lines <= 10, "[SubtitleOptions] expected max_lines within 1..10, got {}", {max_lines});
  check<ConfigError>(max_cue_seconds > 0 && max_pause_seconds >= 0,
                     "[SubtitleOptions] expected max_cue_seconds > 0 and max_pause_seconds >= 0, got {} and {}",
                     {max_cue_seconds, max_pause_seconds});
}

std::vector<SubtitleCue> group_subtitles(const std::vector<WordSpan>& words, const SubtitleOptions& options) {
  options.validate();
  std::vector<SubtitleCue> cues;
  int64_t line_chars = 0;
  for (size_t i = 0; i < words.size(); ++i) {
    const TimeSpan& time = words[i].time;
    check_time(time, "group_subtitles", i);
    check<DataError>(i == 0 || time.start >= words[i - 1].time.start,
                     "[group_subtitles] expected words in order of time, got {} s after {} s at place {}",
                     {time.start, i == 0 ? 0.0 : words[i - 1].time.start, i});
    const CleanText word = clean(words[i].text);
    if (word.text.empty()) continue;
    const bool together = !cues.empty() && time.start - cues.back().time.stop <= options.max_pause_seconds &&
                          time.stop - cues.back().time.start <= options.max_cue_seconds;
    const bool same_line = together && line_chars + 1 + word.chars <= options.max_line_chars;
    if (same_line) {
      cues.back().lines.back() += ' ' + word.text;
    } else if (together && std::ssize(cues.back().lines) < options.max_lines) {
      cues.back().lines.push_back(word.text);
    } else {
      if (!cues.empty()) cues.back().time.stop = std::min(cues.back().time.stop, time.start);  // of words that overlap
      cues.push_back({.time = time, .lines = {word.text}});
    }
    line_chars = same_line ? line_chars + 1 + word.chars : word.chars;
    cues.back().time.stop = std::max(cues.back().time.stop, time.stop);
  }
  return cues;
}

std::string srt_text(const std::vector<SubtitleCue>& cues) {
  return cues_text(cues, {.where = "srt_text", .point = ',', .numbered = true, .escape = [](std::string_view line) {
                            return replaced(line, {{'<', "\u2039"}, {'>', "\u203A"}, {'{', "("}, {'}', ")"}});
                          }});
}

std::string webvtt_text(const std::vector<SubtitleCue>& cues) {
  return "WEBVTT\n\n" + cues_text(cues, {.where = "webvtt_text", .point = '.', .numbered = false, .escape = [](std::string_view line) {
                                           return replaced(line, {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}});
                                         }});
}

void write_srt(const std::filesystem::path& path, const std::vector<WordSpan>& words, const SubtitleOptions& options) {
  write_file(path, srt_text(group_subtitles(words, options)));
}

void write_webvtt(const std::filesystem::path& path, const std::vector<WordSpan>& words, const SubtitleOptions& options) {
  write_file(path, webvtt_text(group_subtitles(words, options)));
}

}  // namespace alloy
