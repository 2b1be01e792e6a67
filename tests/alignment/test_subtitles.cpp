// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alignment/subtitles.hpp>

#include <fstream>

using namespace alloy;

namespace {

WordSpan word(const std::string& text, double start, double stop) { return {.text = text, .time = {start, stop}, .score = 0}; }

std::vector<std::vector<std::string>> lines(const std::vector<SubtitleCue>& cues) {
  std::vector<std::vector<std::string>> all;
  for (const SubtitleCue& cue : cues) all.push_back(cue.lines);
  return all;
}
using Lines = std::vector<std::vector<std::string>>;

}  // namespace

TEST_CASE("words are grouped into subtitles", "[alignment]") {
  const std::vector<WordSpan> words = {word("one", 0, 1), word("two", 1, 2), word("three", 2, 3), word("four", 5, 6)};
  SECTION("lines, then subtitles, as characters allow") {
    CHECK(lines(group_subtitles(words, {.max_line_chars = 7, .max_lines = 2, .max_pause_seconds = 9})) == Lines{{"one two", "three"}, {"four"}});
    CHECK(lines(group_subtitles(words, {.max_line_chars = 7, .max_lines = 3, .max_pause_seconds = 9})) == Lines{{"one two", "three", "four"}});
    CHECK(lines(group_subtitles(words, {.max_line_chars = 2, .max_lines = 1, .max_pause_seconds = 9})) ==
          Lines{{"one"}, {"two"}, {"three"}, {"four"}});
    CHECK(lines(group_subtitles({word("übel", 0, 1), word("öde", 1, 2)}, {.max_line_chars = 8})) == Lines{{"übel öde"}});  // characters, not bytes
  }
  SECTION("a pause, and the time that words stand") {
    const auto cues = group_subtitles(words, {.max_pause_seconds = 1});
    CHECK(lines(cues) == Lines{{"one two three"}, {"four"}});
    CHECK((cues[0].time.start == 0 && cues[0].time.stop == 3 && cues[1].time.start == 5));
    CHECK(lines(group_subtitles(words, {.max_cue_seconds = 2, .max_pause_seconds = 9})) == Lines{{"one two"}, {"three"}, {"four"}});
  }
  SECTION("text in one piece, valid, without control characters") {
    CHECK(lines(group_subtitles({word(" a\n\tb\r\n ", 0, 1), word("\x01\x7f", 1, 2), word("x\xFFy\xE2\x80\xA8z", 1, 2)})) ==
          Lines{{"a b x\xEF\xBF\xBDy z"}});
    CHECK(group_subtitles({}).empty());
  }
  SECTION("words that overlap: no two subtitles at once") {
    const auto cues = group_subtitles({word("a", 0, 5), word("b", 1, 2)}, {.max_cue_seconds = 1});
    CHECK(cues[0].time.stop == 1);
  }
  SECTION("what cannot be") {
    CHECK_THROWS_WITH(group_subtitles({word("a", 1, 2), word("b", 0.5, 3)}), ContainsSubstring("got 0.5 s after 1 s at place 1"));
    CHECK_THROWS_AS(group_subtitles({word("a", -1, 2)}), DataError);
    CHECK_THROWS_AS(group_subtitles({word("a", 2, 1)}), DataError);
    CHECK_THROWS_AS(group_subtitles({word("a", 0, std::nan(""))}), DataError);
    CHECK_THROWS_AS(group_subtitles({word("a", 0, 1e18)}), DataError);
    CHECK_THROWS_AS(group_subtitles({}, {.max_lines = 0}), ConfigError);
    CHECK_THROWS_AS(group_subtitles({}, {.max_line_chars = 0}), ConfigError);
    CHECK_THROWS_AS(group_subtitles({}, {.max_cue_seconds = 0}), ConfigError);
  }
}

TEST_CASE("subtitles as files have them", "[alignment]") {
  const std::vector<SubtitleCue> cues = {{.time = {0, 1.5}, .lines = {"one", "two"}},
                                         {.time = {3661.0014, 3661.0015}, .lines = {"a <b> {\\an8} & -->\n5"}},
                                         {.time = {4000, 4001}, .lines = {" \n"}}};
  CHECK(srt_text(cues) == "1\n00:00:00,000 --> 00:00:01,500\none\ntwo\n\n2\n01:01:01,001 --> 01:01:01,002\na \u2039b\u203A (\\an8) & --\u203A 5\n\n");
  CHECK(webvtt_text(cues) ==
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\none\ntwo\n\n01:01:01.001 --> 01:01:01.002\na &lt;b&gt; {\\an8} &amp; --&gt; 5\n\n");
  CHECK(srt_text({}).empty());
  CHECK_THROWS_WITH(srt_text({{.time = {2, 1}, .lines = {"a"}}}), ContainsSubstring("[srt_text]"));
}

TEST_CASE("subtitle files are written whole or not at all", "[alignment]") {
  const TempDir folder;
  const std::vector<WordSpan> words = {word("hello", 0.25, 0.5)};
  const auto read = [](const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  write_srt(folder / "a.srt", words);
  write_webvtt(folder / "a.vtt", words);
  CHECK(read(folder / "a.srt") == "1\n00:00:00,250 --> 00:00:00,500\nhello\n\n");
  CHECK(read(folder / "a.vtt") == "WEBVTT\n\n00:00:00.250 --> 00:00:00.500\nhello\n\n");
  CHECK_THROWS_AS(write_srt(folder / "a.srt", {word("a", 2, 1)}), DataError);
  CHECK(read(folder / "a.srt") == "1\n00:00:00,250 --> 00:00:00,500\nhello\n\n");
  CHECK_THROWS_AS(write_srt(folder / "none/a.srt", words), IoError);
}
