// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/html.hpp"

#include <alloy/eval/html_boxes.hpp>

#include <limits>

using namespace alloy;
using namespace alloy::html;

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
