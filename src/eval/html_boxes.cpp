// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/html_boxes.hpp>

#include <alloy/eval/html_svg.hpp>

#include "core/detail/utf8.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

namespace alloy::html {

namespace {

constexpr double kTextHeight = 15, kLetterWidth = 6.9, kPadding = 4;  // of labels of 12 px, in pixels of the page

/// In pixels of the page.
struct Area {
  double x = 0, y = 0, width = 0, height = 0;
  double shared_with(const Area& o) const {
    const double across = std::min(x + width, o.x + o.width) - std::max(x, o.x), down = std::min(y + height, o.y + o.height) - std::max(y, o.y);
    return std::max(0.0, across) * std::max(0.0, down);
  }
};

/// Nothing for a box that is not finite.
std::optional<Area> area_of(const LabelledBox& box, double width, double height, double scale) {
  if (!std::isfinite(box.x1) || !std::isfinite(box.y1) || !std::isfinite(box.x2) || !std::isfinite(box.y2)) return std::nullopt;
  const auto across = [&](double v) { return std::clamp(v * scale, 1.0, width - 1); };
  const auto down = [&](double v) { return std::clamp(v * scale, 1.0, height - 1); };
  const double x = across(box.x1), y = down(box.y1);
  return Area{x, y, std::max(0.0, across(box.x2) - x), std::max(0.0, down(box.y2) - y)};
}

/// Width in characters, not bytes.
double letters(std::string_view text) {
  return static_cast<double>(detail::character_count(text));
}

/// A place inside the picture for a label: at the box, or as near to it as hides no label that has its place already; of places that are
/// alike the one that hides least of the boxes.
Area label_area(const Area& box, double label_width, double width, double height, const std::vector<Area>& labels, const std::vector<Area>& boxes) {
  constexpr double kRows = 4, kHiddenLabel = 1e6, kRowAway = 1e3;
  Area best{.x = 0, .y = 0, .width = label_width, .height = kTextHeight};
  double least = std::numeric_limits<double>::infinity();
  for (double row = 0; row <= kRows; ++row)
    for (const double y : {box.y - (row + 1) * kTextHeight, box.y + box.height + row * kTextHeight, box.y + row * kTextHeight})
      for (const double x : {box.x - 1, box.x + box.width + 1 - label_width, box.x + box.width / 2 - label_width / 2}) {
        Area at = best;
        at.x = std::clamp(x, 0.0, std::max(0.0, width - label_width)), at.y = std::clamp(y, 0.0, std::max(0.0, height - kTextHeight));
        double cost = row * kRowAway;
        for (const Area& label : labels) cost += kHiddenLabel * at.shared_with(label);
        for (const Area& other : boxes) cost += at.shared_with(other);
        if (cost < least) least = cost, best = at;
      }
  return best;
}

/// All boxes first, their labels over them.
std::string drawn(const std::vector<LabelledBox>& boxes, double width, double height, double scale) {
  std::string out;
  std::vector<Area> areas, labels;
  for (const LabelledBox& box : boxes) {
    const auto area = area_of(box, width, height, scale);
    if (!area) continue;
    out += svg_rect(area->x, area->y, area->width, area->height, "line " + box.css + (box.stroke == Stroke::dashed ? " dashed" : ""));
    areas.push_back(*area);
  }
  for (const LabelledBox& box : boxes) {
    const auto area = area_of(box, width, height, scale);
    if (!area || box.label.empty()) continue;
    const std::string text = clip(box.label, std::max<int64_t>(1, static_cast<int64_t>((width - 2 * kPadding) / kLetterWidth) - 1));
    const double inside = letters(text) * kLetterWidth;
    const Area at = label_area(*area, inside + 2 * kPadding, width, height, labels, areas);
    labels.push_back(at);
    out += svg_rect(at.x, at.y, at.width, at.height, box.css);
    out += svg_text(at.x + kPadding, at.y + kTextHeight - 4,  // as wide in every font
                    fill("textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\" style=\"fill: #fff; font-size: 12px; font-weight: 600\"", {px(inside)}),
                    text);
  }
  return out;
}

}  // namespace

BoxPicture grounded_picture(Image picture, const GroundedCaption& c, Mark mark) {
  check<ShapeError>(c.words.size() == c.regions.size(), "[grounded_picture] expected a region for each of {} words, got {}",
                    {c.words.size(), c.regions.size()});
  BoxPicture out{.title = {}, .picture = std::move(picture), .mark = mark};
  for (const auto& b : c.truth) out.boxes.push_back({b[0], b[1], b[2], b[3], "", "c3", Stroke::dashed});
  std::map<int64_t, std::string> labels;
  const auto join = [](std::string& text, const std::string& word) { text += (text.empty() ? "" : " ") + word; };
  if (c.phrase >= 0) labels[c.phrase];
  for (size_t w = 0; w < c.words.size(); ++w) {
    join(out.caption, c.words[w]);
    if (c.regions[w] >= 0) join(labels[c.regions[w]], c.words[w]);
  }
  for (const auto& [region, words] : labels) {
    check<ShapeError>(region < std::ssize(c.boxes), "[grounded_picture] expected regions below {}, got {}", {c.boxes.size(), region});
    const auto& b = c.boxes[static_cast<size_t>(region)];
    out.boxes.push_back({b[0], b[1], b[2], b[3], words, region == c.phrase ? "c2" : "c1"});
  }
  out.title = out.caption;
  return out;
}

std::string box_picture(const BoxPicture& p) {
  const std::string uri = picture_uri(p.picture);
  if (uri.empty()) return {};
  const double width = static_cast<double>(p.picture.width) * p.scale, height = static_cast<double>(p.picture.height) * p.scale;
  std::string out = fill("<figure style=\"margin: 0; max-width: {}px\">\n", {px(width)}) + svg_open(width, height, p.title, "");
  out += fill("<image href=\"{}\" width=\"{}\" height=\"{}\" style=\"image-rendering: pixelated\"/>\n", {uri, px(width), px(height)});
  out += drawn(p.boxes, width, height, p.scale);
  out += "</svg>\n";
  const std::string mark = p.mark == Mark::none    ? ""
                           : p.mark == Mark::right ? "<span class=\"mark right\">✓</span> "
                                                   : "<span class=\"mark wrong\">✗</span> ";
  if (!p.caption.empty()) out += fill("<figcaption>{}{}</figcaption>\n", {mark, escape(p.caption)});
  return out + "</figure>\n";
}

std::string box_pictures(const std::vector<BoxPicture>& pictures) {
  double widest = 120;
  std::string inside;
  for (const BoxPicture& p : pictures) {
    inside += box_picture(p);
    widest = std::max(widest, static_cast<double>(p.picture.width) * p.scale);
  }
  if (inside.empty()) return {};
  return fill(
             "<div style=\"display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, {}px), 1fr)); gap: 14px 20px; margin: 16px "
             "0\">\n",
             {px(widest)}) +
         inside + "</div>\n";
}

}  // namespace alloy::html
