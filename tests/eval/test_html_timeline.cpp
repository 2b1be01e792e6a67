// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/html.hpp"

#include <alloy/eval/html_report.hpp>
#include <alloy/eval/html_timeline.hpp>

using namespace alloy;

namespace {

html::TimeLine example() {
  return {
      .title = "pump <3>",
      .lanes = {{.name = "temperature & load", .points = {{0, 20}, {1, 25}, {2, NAN}, {3, 40}}, .guide = 35},
                {.name = "vibration", .points = {{0.5, 1}, {3.5, 2}}}},
      .spans = {{.start = 1, .stop = 2, .label = "fault"}, {.start = 50, .stop = 60, .label = "elsewhere"}},
      .marks = {
          {.at = 1.5, .text = "bearing <worn>", .note = "score 0.9", .strong = true}, {.at = NAN, .text = "no stamp"}, {.at = 99, .text = "later"}}};
}

struct Text {
  double x, y;
};
/// Where the texts of a class stand that are centred.
std::vector<Text> places(const std::string& svg, const std::string& css) {
  std::vector<Text> found;
  const std::string head = "<text x=\"", tail = "\" class=\"" + css + "\" text-anchor=\"middle\">";
  for (size_t at = svg.find(tail); at != std::string::npos; at = svg.find(tail, at + 1)) {
    const size_t begin = svg.rfind(head, at) + head.size();
    found.push_back({std::stod(svg.substr(begin)), std::stod(svg.substr(svg.find(" y=\"", begin) + 4))});
  }
  return found;
}

}  // namespace

TEST_CASE("time line", "[eval]") {
  const std::string out = html::time_line(example());
  const std::string page = html::page({.title = "t", .body = out});
  SECTION("is well formed, and texts are escaped") {
    CHECK(nesting_fault(page) == "");
    CHECK(out.find("bearing &lt;worn&gt;") != std::string::npos);
    CHECK(out.find("<worn>") == std::string::npos);
  }
  SECTION("each lane has its line, a gap breaks it") {
    CHECK(alloy_test::times(out, "<path") == 2);
    const std::string first = out.substr(out.find("<path d=\""), 80);
    CHECK(alloy_test::times(first.substr(0, first.find('"', 9)), "M") == 2);
  }
  SECTION("what lies within is drawn, all marks are listed") {
    CHECK(alloy_test::times(out, "<rect") == 1);
    CHECK(out.find(">fault<") != std::string::npos);
    CHECK(out.find("elsewhere") == std::string::npos);
    CHECK(alloy_test::times(out, "class=\"whisker\"") == 1);
    for (const std::string text : {"no stamp", "later", "score 0.9", "<strong>"}) CHECK(out.find(text) != std::string::npos);
  }
  SECTION("numbers of marks that are close together stand apart, in order, with a line to each") {
    for (const size_t count : {size_t{5}, size_t{120}}) {
      html::TimeLine crowded = example();
      crowded.spans = {{.start = 1, .stop = 1.1, .label = "A"}, {.start = 1.02, .stop = 1.1, .label = "B"}};
      crowded.marks.clear();
      for (size_t i = 0; i < count; ++i) crowded.marks.push_back({.at = 2.9 + 0.0005 * static_cast<double>(i), .text = "entry"});
      const std::string svg = html::time_line(crowded);
      std::vector<Text> numbers = places(svg, "small");
      std::erase_if(numbers, [](const Text& t) { return t.y > 100; });  // those of the axis
      REQUIRE(numbers.size() == count);
      for (size_t i = 0; i < count; ++i)
        for (size_t j = 0; j < i; ++j) {
          CHECK(numbers[i].x > numbers[j].x);
          CHECK((std::abs(numbers[i].x - numbers[j].x) > 19 || std::abs(numbers[i].y - numbers[j].y) > 13));
        }
      CHECK((numbers.front().x >= 150 && numbers.back().x <= 938));
      CHECK(alloy_test::times(svg, "<polyline") == count);
      const std::vector<Text> labels = places(svg, "stage");
      REQUIRE(labels.size() == 2);
      CHECK(labels[1].x - labels[0].x > 12);
    }
  }
  SECTION("labels stand apart by their characters, and long ones never change places") {
    const auto labels = [](const std::string& letter, int count) {
      std::string label;
      for (int i = 0; i < count; ++i) label += letter;
      html::TimeLine chart = example();
      chart.spans = {{.start = 1, .stop = 1.2, .label = label}, {.start = 1.6, .stop = 1.8, .label = label}};
      return places(html::time_line(chart), "stage");
    };
    const std::vector<Text> plain = labels("U", 40), umlauts = labels("Ü", 40), wide = labels("U", 200);
    REQUIRE((plain.size() == 2 && umlauts.size() == 2 && wide.size() == 2));
    CHECK((plain[0].x == umlauts[0].x && plain[1].x == umlauts[1].x));
    CHECK(plain[1].x - plain[0].x > 8 * 40);
    CHECK((wide[0].x <= wide[1].x && wide[0].x >= 150 && wide[1].x <= 938));
  }
  SECTION("nothing at all is no fault") {
    CHECK(nesting_fault(html::page({.title = "t", .body = html::time_line({.title = "empty", .lanes = {}})})) == "");
    CHECK(html::time_line({.title = "empty", .lanes = {{.name = "a", .points = {}}}}).find("nothing measured") != std::string::npos);
  }
}
