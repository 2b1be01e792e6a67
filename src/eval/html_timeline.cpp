// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/html_report.hpp>
#include <alloy/eval/html_timeline.hpp>

#include "eval/detail/html_axis.hpp"

#include <algorithm>
#include <cmath>

namespace alloy::html {

namespace {

using detail::Axis;
using detail::Extent;

constexpr double kLeft = 150, kRight = 22, kGap = 10, kLabels = 20, kNumbers = 18, kAxis = 38;

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
  const double right = chart.width - kRight, top = kLabels + kNumbers, step = chart.lane_height + kGap;
  const double bottom = top + std::max(1.0, static_cast<double>(chart.lanes.size())) * step - kGap;
  Extent xs;
  std::vector<std::vector<Point>> lanes;
  for (const TimeLane& lane : chart.lanes) {
    lanes.push_back(sorted(lane.points));
    for (const Point& p : lanes.back()) xs.add(p.first);
  }
  const Axis x(xs, kLeft, right, {.ends = detail::AxisEnds::as_given});
  const auto shown = [&](double at) { return !xs.empty && std::isfinite(at) && at >= xs.low && at <= xs.high; };
  std::string svg = svg_open(chart.width, bottom + kAxis, chart.title, chart.description);
  for (const TimeSpan& span : chart.spans) {
    if (xs.empty || !(span.stop >= xs.low && span.start <= xs.high)) continue;
    const double from = x.at(std::max(span.start, xs.low)), to = x.at(std::min(span.stop, xs.high));
    svg += fill("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" class=\"c0\" opacity=\"0.28\"/>\n",
                {px(from), px(top), px(std::max(to - from, 1.0)), px(bottom - top)});
    svg += svg_text(std::clamp((from + to) / 2, kLeft + 40, right - 40), 13, "class=\"stage\" text-anchor=\"middle\"", span.label);
  }
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
  for (size_t i = 0; i < chart.marks.size(); ++i) {
    const TimeMark& mark = chart.marks[i];
    if (!shown(mark.at)) continue;
    svg += svg_line(x.at(mark.at), top, x.at(mark.at), bottom, mark.strong ? "whisker" : "guide");
    svg += svg_text(x.at(mark.at), top - 5, mark.strong ? "class=\"value\" text-anchor=\"middle\"" : "class=\"small\" text-anchor=\"middle\"",
                    std::to_string(i + 1));
  }
  return svg + "</svg>\n" + (chart.marks.empty() ? "" : mark_list(chart));
}

}  // namespace alloy::html
