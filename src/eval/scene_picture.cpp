// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/scene_picture.hpp>

namespace alloy::html {

BoxPicture scene_picture(const PictureScene& scene, size_t query, const ScenePointing& pointing, double width) {
  constexpr auto kWhere = "scene_picture";
  check<ShapeError>(query < scene.queries.size(), "[{}] expected a caption below {}, got {}", {kWhere, scene.queries.size(), query});
  check_shape(scene.picture, {-1, -1, 3}, kWhere, "a picture of the scene");
  check_shape(pointing.regions, {-1, 4}, kWhere, "regions");
  check_shape(pointing.word_regions, {-1}, kWhere, "regions of words");
  const SceneQuery& q = scene.queries[query];
  const auto words = static_cast<int64_t>(q.words.size());
  check<ShapeError>(pointing.word_regions.size(0) >= words && pointing.word_regions.scalar_type() == at::kLong,
                    "[{}] expected int64 regions of {} words, got {}", {kWhere, words, pointing.word_regions});
  const Tensor pixels = scene.picture.contiguous(), boxes = pointing.regions.to(at::kDouble).contiguous(), found = pointing.word_regions.contiguous();
  GroundedCaption caption{.words = q.words, .regions = {}, .boxes = {}, .phrase = pointing.phrase_region, .truth = {}};
  for (int64_t w = 0; w < words; ++w)
    caption.regions.push_back(q.roles[static_cast<size_t>(w)] == WordRole::nothing ? -1 : found.const_data_ptr<int64_t>()[w]);
  for (const double* b = boxes.const_data_ptr<double>(); b != boxes.const_data_ptr<double>() + boxes.numel(); b += 4)
    caption.boxes.push_back({b[0], b[1], b[2], b[3]});
  caption.truth.push_back(scene.objects.at(static_cast<size_t>(q.target)).box);
  const auto* bytes = pixels.const_data_ptr<uint8_t>();
  BoxPicture out = grounded_picture({.width = pixels.size(1), .height = pixels.size(0), .channels = 3, .pixels = {bytes, bytes + pixels.numel()}},
                                    caption, pointing.mark);
  out.scale = width / static_cast<double>(pixels.size(1));
  return out;
}

std::string pointing_report(const std::vector<Bar>& accuracy, const std::vector<BoxPicture>& pictures, size_t most_of_each) {
  const auto shown = [&](Mark mark) {
    std::vector<BoxPicture> some;
    for (const BoxPicture& p : pictures)
      if (p.mark == mark && some.size() < most_of_each) some.push_back(p);
    return box_pictures(some);
  };
  const BarChart chart{
      .title = "Pointing accuracy", .description = "Share of captions whose box has its middle inside the right one", .bars = accuracy};
  const std::string body =
      "<h1>Boxes to words</h1><p>Each caption is about one thing in a scene. Boxes are drawn where the model found the words: orange where the whole "
      "phrase is found, blue for other words. The dashed box is the truth. Scenes are composed of real pictures; none of these was seen in "
      "training.</p>" +
      section("accuracy", "Pointing accuracy", bar_chart(chart)) + section("found", "Found", shown(Mark::right)) +
      section("missed", "Missed", shown(Mark::wrong));
  return page({.title = "Boxes to words", .body = body});
}

}  // namespace alloy::html
