// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/html.hpp"

#include <alloy/eval/html_boxes.hpp>

#include <limits>

using namespace alloy;
using namespace alloy::html;

namespace {

struct Place {
  double x = 0, y = 0, width = 0, height = 0;
};
/// Of the labels: rectangles of a plain class.
std::vector<Place> labels_of(const std::string& markup) {
  std::vector<Place> out;
  for (size_t at = markup.find("<rect"); at != std::string::npos; at = markup.find("<rect", at + 1)) {
    const std::string tag = markup.substr(at, markup.find('>', at) - at);
    const auto number = [&](const std::string& name) { return std::stod(tag.substr(tag.find(" " + name + "=\"") + name.size() + 3)); };
    if (tag.find("class=\"line") == std::string::npos) out.push_back({number("x"), number("y"), number("width"), number("height")});
  }
  return out;
}

}  // namespace

TEST_CASE("labels of boxes", "[eval]") {
  const Image grey{.width = 40, .height = 40, .channels = 1, .pixels = std::vector<uint8_t>(1600, 90)};
  if (picture_uri(grey).empty()) return;  // built without image files
  SECTION("stand above their box where nothing is in the way") {
    const auto labels = labels_of(box_picture({.picture = grey, .boxes = {{10, 20, 30, 30, "boot"}}, .scale = 4}));
    REQUIRE(labels.size() == 1);
    CHECK((labels[0].x == 39 && labels[0].y + labels[0].height == 80));
  }
  SECTION("hide no other label and lie in the picture") {
    const BoxPicture crowded{.picture = grey,
                             .boxes = {{0, 0, 12, 12, "the red boot left"},
                                       {1, 1, 13, 12, "two bags"},
                                       {2, 0, 14, 11, "bag"},
                                       {34, 34, 40, 40, "dress next to"},
                                       {33, 35, 40, 40, "sneaker"},
                                       {36, 33, 39, 40, "a"}},
                             .scale = 6};
    const auto labels = labels_of(box_picture(crowded));
    REQUIRE(labels.size() == 6);
    for (size_t i = 0; i < labels.size(); ++i) {
      CHECK((labels[i].x >= 0 && labels[i].y >= 0 && labels[i].x + labels[i].width < 240.1 && labels[i].y + labels[i].height < 240.1));
      for (size_t j = 0; j < i; ++j) {
        const auto before = [](double end, double begin) { return end < begin + 0.1; };  // coordinates are rounded
        const bool apart = before(labels[i].x + labels[i].width, labels[j].x) || before(labels[j].x + labels[j].width, labels[i].x) ||
                           before(labels[i].y + labels[i].height, labels[j].y) || before(labels[j].y + labels[j].height, labels[i].y);
        CHECK(apart);
      }
    }
  }
  SECTION("are cut with an ellipsis where they are wider than the picture") {
    const std::string markup = box_picture({.picture = grey, .boxes = {{0, 20, 40, 30, "a caption of very many words"}}, .scale = 2});
    CHECK(markup.find("…</text>") != std::string::npos);
    const auto labels = labels_of(markup);
    CHECK((labels[0].x >= 0 && labels[0].x + labels[0].width < 80.1));
  }
}

TEST_CASE("pictures with boxes", "[eval]") {
  const Image grey{.width = 20, .height = 10, .channels = 1, .pixels = std::vector<uint8_t>(200, 90)};
  if (picture_uri(grey).empty()) return;  // built without image files
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const BoxPicture picture{.title = "a <scene>",
                           .picture = grey,
                           .boxes = {{.x1 = 2, .y1 = 6, .x2 = 8, .y2 = 9, .label = "<boot>", .css = "c2"},
                                     {.x1 = -5, .y1 = -5, .x2 = 99, .y2 = 99, .css = "c0", .stroke = Stroke::dashed},
                                     {.x1 = nan}},
                           .caption = "the \"red\" boot",
                           .mark = Mark::wrong};
  const std::string markup = box_picture(picture);
  CHECK(nesting_fault(markup) == "");
  CHECK(markup.find("nan") == std::string::npos);
  CHECK(markup.find("viewBox=\"0 0 60.0 30.0\"") != std::string::npos);
  CHECK(markup.find("x=\"6.0\" y=\"18.0\" width=\"18.0\" height=\"9.0\" rx=\"1.5\" class=\"line c2\"") != std::string::npos);
  CHECK(markup.find("x=\"1.0\" y=\"1.0\" width=\"58.0\" height=\"28.0\" rx=\"1.5\" class=\"line c0 dashed\"") !=
        std::string::npos);  // cut at the border
  CHECK(markup.find("&lt;boot&gt;") != std::string::npos);
  CHECK(markup.find("the &quot;red&quot; boot") != std::string::npos);
  CHECK(markup.find("mark wrong") != std::string::npos);
  const std::string both = box_pictures({picture, picture});
  CHECK(nesting_fault(both) == "");
  CHECK(both.find("<figure", both.find("<figure") + 1) != std::string::npos);
  const BoxPicture grounded = grounded_picture(grey, {.words = {"the", "red", "boot", "left", "of", "two", "bags"},
                                                      .regions = {-1, 1, 1, 1, -1, 0, 0},
                                                      .boxes = {{0, 0, 2, 2}, {4, 4, 9, 9}},
                                                      .phrase = 1,
                                                      .truth = {{4, 4, 9, 8}}});
  CHECK(grounded.caption == "the red boot left of two bags");
  REQUIRE(grounded.boxes.size() == 3);
  CHECK(grounded.boxes[0].stroke == Stroke::dashed);
  CHECK((grounded.boxes[1].label == "two bags" && grounded.boxes[1].css == "c1" && grounded.boxes[1].x2 == 2));
  CHECK((grounded.boxes[2].label == "red boot left" && grounded.boxes[2].css == "c2" && grounded.boxes[2].x2 == 9));
  CHECK_THROWS_AS(grounded_picture(grey, {.words = {"boot"}, .regions = {2}, .boxes = {{0, 0, 1, 1}}}), ShapeError);
  CHECK_THROWS_AS(grounded_picture(grey, {.words = {"boot"}, .regions = {}, .boxes = {}}), ShapeError);
  CHECK(box_picture({.title = "none", .picture = {}}).empty());
  CHECK(box_pictures({}).empty());
}
