// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/html_boxes.hpp>

#include <alloy/eval/html_svg.hpp>

#include <algorithm>
#include <cmath>
#include <map>

namespace alloy::html {

namespace {

constexpr double kTextHeight = 15, kLetterWidth = 6.7, kPadding = 4;  // of labels of 12 px, in pixels of the page

/// Width in characters, not bytes.
double letters(std::string_view text) {
  return static_cast<double>(std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string drawn(const LabelledBox& box, double width, double height, double scale) {
  if (!std::isfinite(box.x1) || !std::isfinite(box.y1) || !std::isfinite(box.x2) || !std::isfinite(box.y2)) return {};
  const auto across = [&](double v) { return std::clamp(v * scale, 1.0, width - 1); };
  const auto down = [&](double v) { return std::clamp(v * scale, 1.0, height - 1); };
  const double x = across(box.x1), y = down(box.y1);
  std::string out = svg_rect(x, y, std::max(0.0, across(box.x2) - x), std::max(0.0, down(box.y2) - y),
                             "line " + box.css + (box.stroke == Stroke::dashed ? " dashed" : ""));
  if (box.label.empty()) return out;
  const double wide = letters(box.label) * kLetterWidth + 2 * kPadding;
  const double left = std::clamp(x - 1, 0.0, std::max(0.0, width - wide)), top = y >= kTextHeight ? y - kTextHeight : y;
  out += svg_rect(left, top, wide, kTextHeight, box.css);
  return out + svg_text(left + kPadding, top + kTextHeight - 4, "style=\"fill: #fff; font-size: 12px; font-weight: 600\"", box.label);
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
  for (const LabelledBox& box : p.boxes) out += drawn(box, width, height, p.scale);
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
