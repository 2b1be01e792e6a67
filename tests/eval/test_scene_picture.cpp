// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/html.hpp"

#include <alloy/eval/scene_picture.hpp>

using namespace alloy;
using namespace alloy::html;

TEST_CASE("scene_picture", "[eval]") {
  PictureScene scene{.picture = torch::full({6, 8, 3}, 9, at::kByte), .objects = {{.box = {1, 1, 4, 4}}, {.box = {5, 0, 8, 3}}}, .queries = {}};
  scene.queries.push_back({.words = {"the", "red", "boot"}, .roles = {WordRole::nothing, WordRole::target, WordRole::target}, .target = 1});
  const Tensor regions = torch::tensor({{0.0, 0.0, 2.0, 2.0}, {5.0, 0.0, 8.0, 3.5}});
  const ScenePointing pointing{.regions = regions, .word_regions = torch::tensor({0, 1, 0, -1}), .phrase_region = 1, .mark = Mark::right};
  const BoxPicture out = scene_picture(scene, 0, pointing, 80);
  CHECK(out.caption == "the red boot");
  CHECK(out.scale == 10);
  CHECK((out.picture.width == 8 && out.picture.height == 6 && out.picture.pixels[5] == 9));
  REQUIRE(out.boxes.size() == 3);
  CHECK((out.boxes[0].stroke == Stroke::dashed && out.boxes[0].x1 == 5));
  CHECK((out.boxes[1].label == "boot" && out.boxes[1].x2 == 2));
  CHECK((out.boxes[2].label == "red" && out.boxes[2].y2 == 3.5 && out.boxes[2].css == "c2"));
  CHECK_THROWS_AS(scene_picture(scene, 1, pointing), ShapeError);
  CHECK_THROWS_AS(scene_picture(scene, 0, {.regions = regions, .word_regions = torch::tensor({0, 1})}), ShapeError);
  CHECK_THROWS_AS(scene_picture(scene, 0, {.regions = regions, .word_regions = torch::tensor({0, 1, 2})}), ShapeError);
}

TEST_CASE("pointing_report", "[eval]") {
  const Image grey{.width = 4, .height = 4, .channels = 1, .pixels = std::vector<uint8_t>(16, 90)};
  if (picture_uri(grey).empty()) return;  // built without image files
  std::vector<BoxPicture> pictures;
  for (const char* caption : {"one & two", "three", "four", "five"})
    pictures.push_back({.picture = grey, .caption = caption, .mark = pictures.size() % 2 == 0 ? Mark::right : Mark::wrong});
  const std::string page = pointing_report({{.label = "words <and> regions", .score = {.value = 0.5, .low = 0.4, .high = 0.6}}}, pictures, 1);
  CHECK(alloy_test::nesting_fault(page) == "");
  const size_t missed = page.find("Missed");
  REQUIRE(missed != std::string::npos);
  CHECK(page.find("one &amp; two") < missed);
  CHECK((page.find("three") > missed && page.find("three") != std::string::npos));
  CHECK((page.find("four") == std::string::npos && page.find("five") == std::string::npos));
  CHECK(page.find("words &lt;and&gt; regions") != std::string::npos);
}
