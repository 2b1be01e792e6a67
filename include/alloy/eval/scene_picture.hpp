// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What a model pointed at in a composed scene, as a picture for a report, and the report.

#include <alloy/data/picture_scenes.hpp>
#include <alloy/eval/html_boxes.hpp>
#include <alloy/eval/html_charts.hpp>

namespace alloy::html {

struct ScenePointing {
  Tensor regions;              ///< float [R, 4], the candidates
  Tensor word_regions;         ///< int64 [W], W >= words of the caption: the candidate of each word; what speaks of nothing is left out
  int64_t phrase_region = -1;  ///< the candidate of the whole phrase; below 0 = none
  Mark mark = Mark::none;
};
/// The scene with a caption's words on the boxes that were found for them; the true box of the target is dashed.
/// @param query  index of the caption @throws ShapeError if sizes do not fit
ALLOY_API BoxPicture scene_picture(const PictureScene& scene, size_t query, const ScenePointing& pointing, double width = 288);

/// A page: bars of pointing accuracy, then the first pictures that are marked right, and the first that are marked wrong.
ALLOY_API std::string pointing_report(const std::vector<Bar>& accuracy, const std::vector<BoxPicture>& pictures, size_t most_of_each = 9);

}  // namespace alloy::html
