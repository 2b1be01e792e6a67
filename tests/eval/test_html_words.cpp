// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/tones.hpp"

#include <alloy/eval/html_report.hpp>
#include <alloy/eval/html_words.hpp>

using namespace alloy;

namespace {

html::WordChart chart() {
  return {.title = "said <here>",
          .audio = tones({{.seconds = 2.0, .hertz = 400}}),
          .lanes = {{"truth", {{"one", {0.0, 1.0}}, {"<two>", {1.0, 2.0}}}}, {"found", {{"one", {0.1, 1.1}}, {"<two>", {1.1, 1.9}}}}},
          .fps = 25};
}

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("a chart of words stands over the spectrogram", "[eval]") {
  const std::string svg = html::word_chart(chart());
  CHECK(count(svg, "<svg") == 1);
  CHECK(count(svg, "</svg>") == 1);
  CHECK(count(svg, "<rect") == 4);           // a box a word
  CHECK(count(svg, "class=\"edge\"") == 4);  // both ends of the true words
  CHECK(count(svg, "class=\"edge found\"") == 4);
  CHECK(count(svg, "&lt;two&gt;") == 2);
  CHECK(count(svg, "<two>") == 0);
  CHECK_THAT(svg, ContainsSubstring("said &lt;here&gt;") && ContainsSubstring("video frame") && ContainsSubstring(">45</text>"));
  // The picture spans 780 pixels from 168 for two seconds; "found" one begins at 0.1 s.
  CHECK_THAT(svg, ContainsSubstring("x1=\"207.0\""));
  html::WordChart plain = chart();
  plain.fps = 0;
  CHECK_FALSE(count(html::word_chart(plain), "video frame") > 0);
}

TEST_CASE("a chart of words at the limits", "[eval]") {
  html::WordChart odd = chart();
  odd.audio = tones({{.seconds = 41, .hertz = 100}}, 1000);
  odd.lanes[0].words.push_back({"late", {40.5, 40.9}});  // behind what is drawn
  CHECK(count(html::word_chart(odd), "<rect") == 4);
  odd.audio = tones({{.seconds = 0.01, .hertz = 100}});
  CHECK_NOTHROW(html::word_chart(odd));
  odd.audio.channels = 2;
  CHECK_THROWS_AS(html::word_chart(odd), ShapeError);
  odd.audio = Audio{.sample_rate_hz = 8000};
  CHECK_THROWS_AS(html::word_chart(odd), ShapeError);
}

TEST_CASE("a table of words", "[eval]") {
  const std::string table = html::word_table(chart());
  CHECK_THAT(table, ContainsSubstring("0.10 to 1.10") && ContainsSubstring("1.00 to 2.00") && ContainsSubstring("&lt;two&gt;"));
  html::WordChart other = chart();
  other.lanes[1].words.pop_back();
  CHECK_THROWS_AS(html::word_table(other), ShapeError);
}
