// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/html_charts.hpp>
#include <alloy/eval/html_report.hpp>

#include "eval/detail/html_axis.hpp"

#include <algorithm>
#include <cmath>

namespace alloy::html {

namespace {

using detail::Axis;
using detail::Extent;

/// Circle, square, triangle, diamond: classes can be told apart without their colours.
std::string symbol(size_t series, double x, double y) {
  switch (series % 4) {
    case 0: return fill("M{} {}a3.4 3.4 0 1 0 6.8 0a3.4 3.4 0 1 0-6.8 0z", {px(x - 3.4), px(y)});
    case 1: return fill("M{} {}h6v6h-6z", {px(x - 3), px(y - 3)});
    case 2: return fill("M{} {}l4 7h-8z", {px(x), px(y - 4)});
    default: return fill("M{} {}l4 4l-4 4l-4-4z", {px(x), px(y - 4)});
  }
}

std::string symbols(size_t series, const std::vector<Point>& pixels) {
  if (pixels.empty()) return {};
  std::string out = fill("<g class=\"dots {}\">\n", {series_class(series)});
  for (const Point& p : pixels) out += fill("<path d=\"{}\"/>\n", {symbol(series, p.first, p.second)});
  return out + "</g>\n";
}
std::string symbol_key(size_t series, double x, double y) { return symbols(series, {{x + 9, y}}); }

bool finite(const Point& p) { return std::isfinite(p.first) && std::isfinite(p.second); }

/// Widens the smaller range, so that one unit has as many pixels on either axis.
void make_equal(Extent& x, Extent& y, double width, double height) {
  const auto room = [](Extent& e) {
    if (e.empty) e = {.low = -1, .high = 1, .empty = false};
    const double margin = 0.03 * (e.high - e.low);
    e.low -= margin, e.high += margin;
  };
  room(x), room(y);
  double unit = std::max((x.high - x.low) / width, (y.high - y.low) / height);
  if (!(unit > 0)) unit = 1 / width;
  const auto widen = [&](Extent& e, double pixels) {
    const double middle = e.low + (e.high - e.low) / 2, half = unit * pixels / 2;
    e.low = middle - half, e.high = middle + half;
  };
  widen(x, width), widen(y, height);
}

}  // namespace

std::string scatter_plot(const ScatterPlot& plot) {
  constexpr double kLeft = 58, kNames = 26, kAxis = 40;
  const double right = plot.width - 22;
  std::vector<std::string> names;
  Extent xs, ys;
  for (const PointClass& c : plot.classes) {
    names.push_back(c.name);
    for (const Point& p : c.points) {
      if (finite(p)) xs.add(p.first), ys.add(p.second);
    }
  }
  const detail::Legend legend = detail::legend(names, kLeft, right, symbol_key);
  const double top = legend.height + kNames, bottom = std::max(top + 60, plot.height - kAxis);
  make_equal(xs, ys, right - kLeft, bottom - top);
  const Axis x(xs, kLeft, right, {.ends = detail::AxisEnds::as_given}), y(ys, bottom, top, {.ends = detail::AxisEnds::as_given});
  std::string svg = svg_open(plot.width, bottom + kAxis, plot.title, plot.description) + legend.svg + detail::axis_frame(x, y, kLeft, right, top, bottom, plot.x_name, plot.y_name);
  std::string lines;
  for (const auto& [from, to] : plot.links) {
    if (finite(from) && finite(to)) lines += fill("M{} {}L{} {}", {px(x.at(from.first)), px(y.at(from.second)), px(x.at(to.first)), px(y.at(to.second))});
  }
  if (!lines.empty()) svg += fill("<path d=\"{}\" class=\"link\"/>\n", {lines});
  for (size_t i = 0; i < plot.classes.size(); ++i) {
    std::vector<Point> pixels;
    for (const Point& p : plot.classes[i].points) {
      if (finite(p)) pixels.emplace_back(x.at(p.first), y.at(p.second));
    }
    svg += symbols(i, pixels);
  }
  return svg + "</svg>\n";
}

}  // namespace alloy::html
