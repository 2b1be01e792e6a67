// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/html_charts.hpp>
#include <alloy/eval/html_report.hpp>

#include "eval/detail/html_axis.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace alloy::html {

namespace {

using detail::Axis;
using detail::Extent;

constexpr size_t kSeriesColours = 7;

std::string line_css(size_t series) { return "line " + series_class(series) + (series / kSeriesColours % 2 == 1 ? " dashed" : ""); }

std::vector<Point> sorted(std::vector<Point> points) {
  std::erase_if(points, [](const Point& p) { return !std::isfinite(p.first); });
  std::stable_sort(points.begin(), points.end(), [](const Point& a, const Point& b) { return a.first < b.first; });
  return points;
}

/// Of the points in one column of pixels the first, the least, the greatest and the last, in order.
void add_extremes(const std::vector<Point>& pixels, size_t begin, size_t end, std::vector<Point>& out) {
  const auto by_y = [](const Point& a, const Point& b) { return a.second < b.second; };
  const auto from = pixels.begin() + static_cast<int64_t>(begin), to = pixels.begin() + static_cast<int64_t>(end);
  std::vector<size_t> kept = {begin, end - 1, begin + static_cast<size_t>(std::min_element(from, to, by_y) - from),
                              begin + static_cast<size_t>(std::max_element(from, to, by_y) - from)};
  std::sort(kept.begin(), kept.end());
  kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
  for (const size_t i : kept) out.push_back(pixels[i]);
}

/// A piece without gaps as the commands of a path; a lone point becomes a dot.
std::string piece_path(const std::vector<Point>& pixels) {
  constexpr size_t kFew = 1000;
  std::vector<Point> drawn;
  for (size_t begin = 0; begin < pixels.size();) {
    size_t end = begin + 1;
    while (pixels.size() > kFew && end < pixels.size() && std::floor(pixels[end].first) == std::floor(pixels[begin].first)) ++end;
    add_extremes(pixels, begin, end, drawn);
    begin = end;
  }
  if (drawn.empty()) return {};
  std::string path = fill("M{} {}", {px(drawn[0].first), px(drawn[0].second)});
  if (drawn.size() == 1) return path + "h0";
  for (size_t i = 1; i < drawn.size(); ++i) path += (i == 1 ? "L" : " ") + px(drawn[i].first) + " " + px(drawn[i].second);
  return path;
}

std::string line_path(const std::vector<Point>& points, const Axis& x, const Axis& y, const std::string& css) {
  std::string path;
  std::vector<Point> piece;
  for (const Point& p : points) {
    if (y.shows(p.second)) {
      piece.emplace_back(x.at(p.first), y.at(p.second));
    } else {
      path += piece_path(piece);
      piece.clear();
    }
  }
  path += piece_path(piece);
  return path.empty() ? path : fill("<path d=\"{}\" class=\"{}\"/>\n", {path, css});
}

std::string line_key(size_t series, double x, double y) { return svg_line(x, y, x + 18, y, line_css(series)); }

}  // namespace

std::string line_chart(const LineChart& chart) {
  constexpr double kLeft = 58, kNames = 26, kAxis = 40, kTick = 36, kWide = 600;
  const double right = chart.width - 22, height = chart.width < kWide ? 170 : 230;
  std::vector<std::vector<Point>> lines;
  std::vector<std::string> names;
  Extent xs, ys;
  bool whole = true;
  for (const Line& line : chart.lines) {
    names.push_back(line.name);
    lines.push_back(sorted(line.points));
    for (const Point& p : lines.back()) {
      xs.add(p.first);
      whole = whole && p.first == std::floor(p.first);
      if (chart.y_scale == AxisScale::linear || p.second > 0) ys.add(p.second);
    }
  }
  const detail::Legend legend = detail::legend(names, kLeft, right, line_key);
  const double top = legend.height + kNames, bottom = top + height;
  const Axis x(xs, kLeft, right, {.ends = detail::AxisEnds::as_given, .least_step = whole ? 1.0 : 0.0}), y(ys, bottom, top, {.scale = chart.y_scale, .pixels_a_tick = kTick});
  std::string svg = svg_open(chart.width, bottom + kAxis, chart.title, chart.description) + legend.svg;
  svg += detail::axis_frame(x, y, kLeft, right, top, bottom, chart.x_name, chart.y_name);
  for (size_t i = 0; i < lines.size(); ++i) svg += line_path(lines[i], x, y, line_css(i));
  if (ys.empty) svg += svg_text((kLeft + right) / 2, (top + bottom) / 2, "class=\"small\" text-anchor=\"middle\"", "no values");
  return svg + "</svg>\n";
}

std::string line_table(const LineChart& chart, size_t max_rows) {
  std::map<double, std::vector<double>> values;  // of each line at an x
  for (size_t i = 0; i < chart.lines.size(); ++i) {
    for (const Point& p : sorted(chart.lines[i].points)) {
      auto& row = values.try_emplace(p.first, std::vector<double>(chart.lines.size(), std::numeric_limits<double>::quiet_NaN())).first->second;
      row[i] = p.second;
    }
  }
  const auto known = [](const auto& entry) { return std::count_if(entry.second.begin(), entry.second.end(), [](double v) { return std::isfinite(v); }); };
  int64_t most = 0;  // lines may have points at different places: the rows are those where most have one
  for (const auto& entry : values) most = std::max(most, static_cast<int64_t>(known(entry)));
  std::vector<const std::pair<const double, std::vector<double>>*> full;
  for (const auto& entry : values) {
    if (known(entry) == most) full.push_back(&entry);
  }
  Table out{.caption = chart.title, .columns = {{.name = escape(chart.x_name), .kind = ColumnKind::row_name}}, .rows = {}};
  for (const Line& line : chart.lines) out.columns.push_back({.name = escape(line.name), .kind = ColumnKind::number});
  const size_t rows = std::min(full.size(), max_rows);
  for (size_t r = 0; r < rows; ++r) {
    const auto& [x, ys] = *full[rows == 1 ? full.size() - 1 : r * (full.size() - 1) / (rows - 1)];
    std::vector<Cell> row = {{.content = brief(x)}};
    for (const double y : ys) row.push_back({.content = brief(y)});
    out.rows.push_back(std::move(row));
  }
  return table(out);
}

}  // namespace alloy::html
