// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/html_charts.hpp>
#include <alloy/eval/html_report.hpp>

#include "eval/detail/html_axis.hpp"

#include <algorithm>
#include <cmath>

namespace alloy::html {

namespace {

constexpr size_t kLevels = 48;  // of colour
constexpr double kTop = 24, kLegend = 66;

struct Layout {
  size_t rows, columns;
  bool labels;
  double left, cell;
  double bottom() const { return kTop + static_cast<double>(rows) * cell; }
  double right() const { return left + static_cast<double>(columns) * cell; }
};

Layout layout_of(const HeatMap& map) {
  constexpr double kIndex = 34, kNames = 112, kLeastForNames = 12.5, kMostCell = 64;
  Layout out{.rows = std::min(map.rows, kMostHeatCells), .columns = std::min(map.columns, kMostHeatCells), .labels = false, .left = 0, .cell = 0};
  const auto most = static_cast<double>(std::max<size_t>(1, std::max(out.rows, out.columns)));
  const auto cell = [&](double left) { return std::min(kMostCell, (map.width - left - kLegend) / most); };
  out.labels = (!map.row_labels.empty() || !map.column_labels.empty()) && cell(kNames) >= kLeastForNames;
  out.left = out.labels ? kNames : kIndex;
  out.cell = cell(out.left);
  return out;
}

detail::Extent range_of(const HeatMap& map) {
  detail::Extent out, ends;
  for (const double v : map.values) out.add(v);
  ends.add(map.low), ends.add(map.high);  // which brings them within bounds
  if (std::isfinite(map.low)) out.low = ends.low;
  if (std::isfinite(map.high)) out.high = ends.high;
  return out;
}

double position(double value, const detail::Extent& range) { return range.high > range.low ? std::clamp((value - range.low) / (range.high - range.low), 0.0, 1.0) : 0.5; }

std::string colour(double position) {
  const auto rgb = heat_colour(position);
  return fill("rgb({},{},{})", {static_cast<int64_t>(rgb[0]), static_cast<int64_t>(rgb[1]), static_cast<int64_t>(rgb[2])});
}

/// One path a colour: a rectangle a cell would be many times the text.
std::string cells(const HeatMap& map, const Layout& layout, const detail::Extent& range) {
  std::vector<std::string> paths(kLevels);
  constexpr double kOverlap = 0.6;  // no seams between cells where the page is scaled
  const std::string side = px(layout.cell + kOverlap), move = "h" + side + "v" + side + "h-" + side + "z";
  for (size_t r = 0; r < layout.rows; ++r) {
    for (size_t c = 0; c < layout.columns; ++c) {
      const double v = map.values[r * map.columns + c];
      if (!std::isfinite(v)) continue;
      const auto level = static_cast<size_t>(std::lround(position(v, range) * (kLevels - 1)));
      paths[level] += "M" + px(layout.left + static_cast<double>(c) * layout.cell) + " " + px(kTop + static_cast<double>(r) * layout.cell) + move;
    }
  }
  std::string svg;
  for (size_t level = 0; level < kLevels; ++level) {
    if (!paths[level].empty())
      svg += fill("<path d=\"{}\" fill=\"{}\"/>\n", {paths[level], colour(static_cast<double>(level) / (kLevels - 1))});
  }
  return svg;
}

/// The numbers inside, where they fit.
std::string cell_texts(const HeatMap& map, const Layout& layout, const detail::Extent& range) {
  constexpr double kLeastForNumbers = 30, kLightFrom = 0.55;
  std::string svg;
  if (layout.cell < kLeastForNumbers) return svg;
  for (size_t r = 0; r < layout.rows; ++r) {
    for (size_t c = 0; c < layout.columns; ++c) {
      const double v = map.values[r * map.columns + c];
      const std::string_view ink = !std::isfinite(v) ? "var(--muted)" : position(v, range) > kLightFrom ? "#14171b" : "#ffffff";
      svg += svg_text(layout.left + (static_cast<double>(c) + 0.5) * layout.cell, kTop + (static_cast<double>(r) + 0.5) * layout.cell + 4,
                      fill("text-anchor=\"middle\" style=\"font-size:11px;fill:{}\"", {ink}), std::abs(v) >= 100 ? brief(v, 3) : number(v, 2));
    }
  }
  return svg;
}

std::string label_of(const std::vector<std::string>& labels, size_t i) { return i < labels.size() ? labels[i] : std::to_string(i); }

constexpr int64_t kMostCharacters = 15;

/// How much room slanted labels take below.
double label_height(const HeatMap& map, const Layout& layout) {
  constexpr double kCharacter = 4.6;  // of 6.5 pixels, at 45 degrees
  size_t longest = 2;
  for (size_t c = 0; c < layout.columns; ++c) longest = std::max(longest, label_of(map.column_labels, c).size());
  return 22 + kCharacter * static_cast<double>(std::min<size_t>(longest, kMostCharacters + 1));
}

std::string labels(const HeatMap& map, const Layout& layout) {
  const auto middle = [&](size_t i) { return (static_cast<double>(i) + 0.5) * layout.cell; };
  const size_t stride = layout.labels ? 1 : static_cast<size_t>(std::ceil(24 / std::max(1.0, layout.cell)));
  std::string svg;
  for (size_t r = 0; r < layout.rows; r += stride)
    svg += svg_text(layout.left - 6, kTop + middle(r) + 4, "class=\"small\" text-anchor=\"end\"", layout.labels ? clip(label_of(map.row_labels, r), kMostCharacters) : std::to_string(r));
  for (size_t c = 0; c < layout.columns; c += stride) {
    const double x = layout.left + middle(c);
    svg += layout.labels ? svg_text(x + 3, layout.bottom() + 11, fill("class=\"small\" text-anchor=\"end\" transform=\"rotate(-45 {} {})\"", {px(x + 3), px(layout.bottom() + 11)}),
                                    clip(label_of(map.column_labels, c), kMostCharacters))
                         : svg_text(x, layout.bottom() + 15, "class=\"small\" text-anchor=\"middle\"", std::to_string(c));
  }
  return svg;
}

std::string colour_legend(const Layout& layout, const detail::Extent& range) {
  constexpr int kSteps = 24;
  const double x = layout.right() + 12, height = std::max(60.0, layout.bottom() - kTop), step = height / kSteps;
  std::string svg;
  for (int i = 0; i < kSteps; ++i)
    svg += fill("<rect x=\"{}\" y=\"{}\" width=\"10\" height=\"{}\" fill=\"{}\"/>\n", {px(x), px(kTop + i * step), px(step + 0.5), colour(1 - (i + 0.5) / kSteps)});
  for (const double part : {0.0, 0.5, 1.0})
    svg += svg_text(x + 15, kTop + 8 + (1 - part) * (height - 8), "class=\"small\"", range.empty ? kNone : brief(range.low + part * (range.high - range.low), 2));
  return svg;
}

void check_size(const HeatMap& map, std::string_view where) {
  check<ShapeError>(map.rows == 0 || (map.values.size() % map.rows == 0 && map.values.size() / map.rows == map.columns),
                    "[{}] expected {} x {} values, got {}", {where, map.rows, map.columns, map.values.size()});
}

}  // namespace

std::string heat_map(const HeatMap& map) {
  check_size(map, "html::heat_map");
  const Layout layout = layout_of(map);
  const detail::Extent range = range_of(map);
  std::string names = map.row_name.empty() ? "" : "rows: " + map.row_name;
  if (!map.column_name.empty()) names += (names.empty() ? "" : ", ") + ("columns: " + map.column_name);
  const double height = std::max(kTop + 70, layout.bottom() + (layout.labels ? label_height(map, layout) : 22));
  return svg_open(map.width, height, map.title, map.description) + svg_text(layout.left, 14, "class=\"small\"", names) + cells(map, layout, range) +
         cell_texts(map, layout, range) + labels(map, layout) + colour_legend(layout, range) + "</svg>\n";
}

std::string heat_table(const HeatMap& map, size_t max_side) {
  check_size(map, "html::heat_table");
  const size_t rows = std::min(map.rows, max_side), columns = std::min(map.columns, max_side);
  Table out{.caption = map.title, .columns = {{.name = escape(map.row_name), .kind = ColumnKind::row_name}}, .rows = {}};
  for (size_t c = 0; c < columns; ++c) out.columns.push_back({.name = escape(label_of(map.column_labels, c)), .kind = ColumnKind::number});
  for (size_t r = 0; r < rows; ++r) {
    std::vector<Cell> row = {{.content = escape(label_of(map.row_labels, r))}};
    for (size_t c = 0; c < columns; ++c) row.push_back({.content = brief(map.values[r * map.columns + c], 3)});
    out.rows.push_back(std::move(row));
  }
  return table(out);
}

}  // namespace alloy::html
