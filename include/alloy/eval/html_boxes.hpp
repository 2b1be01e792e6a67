// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A picture with boxes drawn on it, each with its words, for the pages of eval/html_report.hpp.

#include <alloy/eval/html_report.hpp>

namespace alloy::html {

enum class Stroke { solid, dashed };

struct LabelledBox {
  double x1 = 0, y1 = 0, x2 = 0, y2 = 0;  ///< pixels of the picture
  std::string label = {};                 ///< plain text, above the box or where it hides no other label; empty = none
  std::string css = "c1";                 ///< class that colours it, c0 to c7
  Stroke stroke = Stroke::solid;
};

struct BoxPicture {
  std::string title;  ///< read aloud
  Image picture;
  std::vector<LabelledBox> boxes = {};
  std::string caption = {};  ///< plain text below
  Mark mark = Mark::none;    ///< of the caption
  double scale = 3;          ///< pixels of the page for a pixel of the picture
};
/// A caption whose words were found in a picture.
struct GroundedCaption {
  std::vector<std::string> words;
  std::vector<int64_t> regions;                   ///< of each word: an index into `boxes`; below 0 for a word that means nothing
  std::vector<std::array<double, 4>> boxes;       ///< x1, y1, x2, y2
  int64_t phrase = -1;                            ///< the box of the whole phrase, drawn in another colour than the other words'; below 0 = none
  std::vector<std::array<double, 4>> truth = {};  ///< drawn dashed
};
/// The boxes with their words, several words on one box in the order of the caption, and the caption below.
/// @throws ShapeError for a region beyond the boxes, or another number of regions than of words
ALLOY_API BoxPicture grounded_picture(Image picture, const GroundedCaption& caption, Mark mark = Mark::none);

/// A figure; boxes are cut at the border, those that are not finite are left out. Labels lie inside the picture, and over each other only where
/// there is no room. Empty where alloy was built without image files.
ALLOY_API std::string box_picture(const BoxPicture& picture);
/// Several side by side, as many as there is room for.
ALLOY_API std::string box_pictures(const std::vector<BoxPicture>& pictures);

}  // namespace alloy::html
