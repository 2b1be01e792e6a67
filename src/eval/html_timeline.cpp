// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/html_report.hpp>
#include <alloy/eval/html_timeline.hpp>

#include "core/detail/utf8.hpp"
#include "eval/detail/html_axis.hpp"

#include <algorithm>
#include <cmath>

namespace alloy::html {

namespace {

using detail::Axis;
using detail::Extent;

constexpr double kLeft = 150, kRight = 22, kGap = 10, kLabels = 20, kAxis = 38;

std::vector<Point> sorted(std::vector<Point> points) {
  std::erase_if(points, [](const Point& p) { return !std::isfinite(p.first); });
  std::stable_sort(points.begin(), points.end(), [](const Point& a, const Point& b) { return a.first < b.first; });
  return points;
}

std::string lane_path(const std::vector<Point>& points, const Axis& x, const Axis& y, size_t lane) {
  std::string path;
  bool drawing = false;
  for (size_t i = 0; i < points.size(); ++i) {
    const auto [at, value] = points[i];
    if (!std::isfinite(value)) {
      drawing = false;
      continue;
    }
    path += fill("{}{} {}", {drawing ? "L" : "M", px(x.at(at)), px(y.at(value))});
    const bool alone = !drawing && (i + 1 == points.size() || !std::isfinite(points[i + 1].second));
    if (alone) path += "h0";
    drawing = true;
  }
  return path.empty() ? path : fill("<path d=\"{}\" class=\"line {}\"/>\n", {path, series_class(lane)});
}

/// What is shaded, with its labels side by side above it.
std::string span_bands(const TimeLine& chart, const Extent& xs, const Axis& x, double top, double bottom) {
  std::string svg;
  std::vector<double> middles;
  std::vector<std::string> labels;
  double widest = 0;
  for (const TimeSpan& span : chart.spans) {
    if (xs.empty || !(span.stop >= xs.low && span.start <= xs.high)) continue;
    const double from = x.at(std::max(span.start, xs.low)), to = x.at(std::min(span.stop, xs.high));
    svg += fill("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" class=\"c0\" opacity=\"0.28\"/>\n",
                {px(from), px(top), px(std::max(to - from, 1.0)), px(bottom - top)});
    middles.push_back((from + to) / 2), labels.push_back(span.label);
    widest = std::max(widest, 8.5 * static_cast<double>(detail::character_count(span.label)) + 6);
  }
  const std::vector<double> places = detail::spread(middles, widest, kLeft + widest / 2, chart.width - kRight - widest / 2);
  for (size_t i = 0; i < labels.size(); ++i) svg += svg_text(places[i], 13, "class=\"stage\" text-anchor=\"middle\"", labels[i]);
  return svg;
}

/// Marks that are within the lanes, with the places of their numbers: side by side, in as few rows as have room.
struct DrawnMark {
  size_t index = 0;
  double at = 0;                      // of its line
  double number_at = 0, row_low = 0;  // of its number
};
struct DrawnMarks {
  std::vector<DrawnMark> marks;
  double height = 0;  ///< of numbers and of the lines that lead to them
};
DrawnMarks place_marks(const TimeLine& chart, const Extent& xs, const Axis& x, double left, double right) {
  constexpr double kWide = 20, kRow = 14, kLeaders = 14;
  DrawnMarks out;
  std::vector<double> wanted;
  for (size_t i = 0; i < chart.marks.size(); ++i) {
    const double at = chart.marks[i].at;
    if (xs.empty || !(at >= xs.low && at <= xs.high)) continue;
    out.marks.push_back({.index = i, .at = x.at(at)});
    wanted.push_back(x.at(at));
  }
  if (wanted.empty()) return out;
  const double rows = std::max(1.0, std::ceil(static_cast<double>(wanted.size()) * kWide / (right - left)));
  const std::vector<double> places = detail::spread(wanted, kWide / rows, left, right);
  for (size_t i = 0; i < places.size(); ++i) out.marks[i].number_at = places[i];
  std::ranges::stable_sort(out.marks, {}, &DrawnMark::number_at);
  for (size_t i = 0; i < places.size(); ++i) out.marks[i].row_low = kLabels + kRow * (1 + std::fmod(static_cast<double>(i), rows));
  out.height = kRow * rows + kLeaders;
  return out;
}

std::string mark_list(const TimeLine& chart) {
  Table list{.caption = chart.title,
             .columns = {{.name = "#", .kind = ColumnKind::number},
                         {.name = escape(chart.x_name), .kind = ColumnKind::number},
                         {.name = "entry"},
                         {.name = ""}},
             .rows = {}};
  for (size_t i = 0; i < chart.marks.size(); ++i) {
    const TimeMark& mark = chart.marks[i];
    const std::string text = escape(mark.text);
    list.rows.push_back({{.content = std::to_string(i + 1)},
                         {.content = number(mark.at, 1)},
                         {.content = mark.strong ? "<strong>" + text + "</strong>" : text},
                         {.content = escape(mark.note)}});
  }
  return table(list);
}

}  // namespace

std::string time_line(const TimeLine& chart) {
  const double right = chart.width - kRight, step = chart.lane_height + kGap;
  Extent xs;
  std::vector<std::vector<Point>> lanes;
  for (const TimeLane& lane : chart.lanes) {
    lanes.push_back(sorted(lane.points));
    for (const Point& p : lanes.back()) xs.add(p.first);
  }
  const Axis x(xs, kLeft, right, {.ends = detail::AxisEnds::as_given});
  const DrawnMarks drawn = place_marks(chart, xs, x, kLeft, right);
  const double top = kLabels + drawn.height, bottom = top + std::max(1.0, static_cast<double>(chart.lanes.size())) * step - kGap;
  std::string svg = svg_open(chart.width, bottom + kAxis, chart.title, chart.description) + span_bands(chart, xs, x, top, bottom);
  for (const detail::Tick& tick : x.ticks())
    svg += svg_line(tick.at, top, tick.at, bottom, "grid") + svg_text(tick.at, bottom + 16, "class=\"small\" text-anchor=\"middle\"", tick.text);
  svg += svg_text(right, bottom + 32, "class=\"small\" text-anchor=\"end\"", chart.x_name);
  for (size_t i = 0; i < lanes.size(); ++i) {
    const double low = top + static_cast<double>(i) * step, high = low + chart.lane_height;
    Extent ys;
    for (const Point& p : lanes[i]) ys.add(p.second);
    ys.add(chart.lanes[i].guide);
    const Axis y(ys, high, low, {.ends = detail::AxisEnds::as_given, .pixels_a_tick = chart.lane_height / 2});
    svg += svg_line(kLeft, high, right, high, "zero") + svg_text(4, (low + high) / 2 + 4, "class=\"small\"", chart.lanes[i].name);
    for (const detail::Tick& tick : y.ticks()) svg += svg_text(kLeft - 6, tick.at + 4, "class=\"small\" text-anchor=\"end\"", tick.text);
    if (std::isfinite(chart.lanes[i].guide)) svg += svg_line(kLeft, y.at(chart.lanes[i].guide), right, y.at(chart.lanes[i].guide), "guide");
    svg += lane_path(lanes[i], x, y, i);
    if (ys.empty) svg += svg_text((kLeft + right) / 2, (low + high) / 2 + 4, "class=\"small\" text-anchor=\"middle\"", "nothing measured");
  }
  for (const DrawnMark& mark : drawn.marks) {
    const bool strong = chart.marks[mark.index].strong;
    svg += svg_text(mark.number_at, mark.row_low - 2, strong ? "class=\"value\" text-anchor=\"middle\"" : "class=\"small\" text-anchor=\"middle\"",
                    std::to_string(mark.index + 1));
    svg += fill("<polyline points=\"{} {} {} {} {} {}\" fill=\"none\" class=\"{}\"/>\n",
                {px(mark.number_at), px(mark.row_low + 1), px(mark.at), px(top), px(mark.at), px(bottom), strong ? "whisker" : "guide"});
  }
  return svg + "</svg>\n" + (chart.marks.empty() ? "" : mark_list(chart));
}

}  // namespace alloy::html
