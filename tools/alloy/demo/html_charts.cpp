// SPDX-License-Identifier: Apache-2.0
#include "html_charts.hpp"

#include "html_parts.hpp"

#include <algorithm>
#include <cmath>

namespace alloy::demo::html {

namespace {

constexpr double kWidth = 960;
constexpr double kNameEnd = 236, kPlotBegin = 246;
constexpr int64_t kNameCharacters = 22;

std::string open_svg(double width, double height, std::string_view title, std::string_view description) {
  return fill("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n<title>{}</title>\n", {px(width), px(height), escape(title), escape(title)}) +
         (description.empty() ? "" : fill("<desc>{}</desc>\n", {escape(description)}));
}

/// @param attributes  class and text-anchor
std::string text_at(double x, double y, std::string_view attributes, std::string_view text) {
  return fill("<text x=\"{}\" y=\"{}\" {}>{}</text>\n", {px(x), px(y), attributes, escape(text)});
}

std::string line(double x1, double y1, double x2, double y2, std::string_view css) {
  return fill("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" class=\"{}\"/>\n", {px(x1), px(y1), px(x2), px(y2), css});
}

std::string rect(double x, double y, double width, double height, std::string_view css) {
  return fill("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"1.5\" class=\"{}\"/>\n", {px(x), px(y), px(width), px(height), css});
}

double share(double value) { return std::isfinite(value) ? std::clamp(value, 0.0, 1.0) : 0; }

/// Name of the stage where a new one begins, and the name of the row.
std::string row_names(std::string_view label, std::string_view stage, bool begins, double y) {
  return (begins ? text_at(0, y, "class=\"stage\"", clip(stage, 9)) : std::string()) +
         text_at(kNameEnd, y, "text-anchor=\"end\"", clip(label, kNameCharacters));
}

/// The points that can be drawn, as the points of a polyline.
std::string polyline(const std::vector<CurvePoint>& curve, double CurvePoint::*value, std::string_view css, auto&& x_of, auto&& y_of) {
  std::string points;
  for (const auto& p : curve) {
    if (std::isfinite(p.*value)) points += px(x_of(p.epoch)) + "," + px(y_of(p.*value)) + " ";
  }
  return points.empty() ? points : fill("<polyline points=\"{}\" class=\"{}\"/>\n", {points, css});
}

}  // namespace

std::string bar_chart(const BarChart& chart) {
  constexpr double kRow = 24, kBar = 14, kGap = 12, kTop = 26, kPlotEnd = 870;
  const auto x_of = [](double value) { return kPlotBegin + share(value) * (kPlotEnd - kPlotBegin); };
  double bottom = kTop;
  for (size_t i = 0; i < chart.bars.size(); ++i) bottom += kRow + (i > 0 && chart.bars[i].stage != chart.bars[i - 1].stage ? kGap : 0);

  std::string svg = open_svg(kWidth, bottom + 42, chart.title, chart.description);
  for (int tick = 0; tick <= 100; tick += 20) {
    svg += line(x_of(tick / 100.0), kTop - 4, x_of(tick / 100.0), bottom, "grid");
    svg += text_at(x_of(tick / 100.0), bottom + 16, "class=\"small\" text-anchor=\"middle\"", std::to_string(tick) + (tick == 100 ? " %" : ""));
  }
  double y = kTop;
  for (size_t i = 0; i < chart.bars.size(); ++i) {
    const Bar& bar = chart.bars[i];
    const bool begins = i == 0 || bar.stage != chart.bars[i - 1].stage;
    if (i > 0 && begins) y += kGap;
    const double middle = y + kRow / 2;
    svg += row_names(bar.label, bar.stage, begins, middle + 4.5);
    svg += rect(kPlotBegin, middle - kBar / 2, x_of(bar.score.value) - kPlotBegin, kBar, stage_class(bar.stage));
    if (std::isfinite(bar.score.low) && std::isfinite(bar.score.high) && std::isfinite(bar.score.value)) {
      const double low = x_of(bar.score.low), high = x_of(bar.score.high);
      const std::string top = px(middle - 3.5), end = px(middle + 3.5);
      svg += fill("<path d=\"M{} {}V{}M{} {}H{}M{} {}V{}\" class=\"whisker\"/>\n", {px(low), top, end, px(low), px(middle), px(high), px(high), top, end});
    }
    svg += text_at(kWidth, middle + 4.5, "class=\"value\" text-anchor=\"end\"", percent(bar.score.value) + " %");
    y += kRow;
  }
  // one label above the plot, the other below the axis; where both lines would be one, chance alone
  if (std::isfinite(chart.best_single) && !(std::abs(chart.best_single - chart.chance) < 0.02)) {
    svg += line(x_of(chart.best_single), kTop - 8, x_of(chart.best_single), bottom, "guide");
    svg += text_at(x_of(chart.best_single), kTop - 13, "class=\"small\" text-anchor=\"middle\"", "best single " + percent(chart.best_single) + " %");
  }
  if (std::isfinite(chart.chance)) {
    svg += line(x_of(chart.chance), kTop - 4, x_of(chart.chance), bottom + 24, "guide");
    svg += text_at(x_of(chart.chance), bottom + 36, "class=\"small\" text-anchor=\"middle\"", "chance " + percent(chart.chance) + " %");
  }
  return svg + "</svg>\n";
}

std::string curve_panel(const CurvePanel& panel) {
  constexpr double kPanelWidth = 230, kLeft = 30, kRight = 222, kScoreTop = 36, kScoreEnd = 106, kLossTop = 132, kLossEnd = 190;
  const auto& curve = *panel.curve;
  const auto x_of = [&](int64_t epoch) { return kLeft + share(static_cast<double>(epoch) / static_cast<double>(std::max<int64_t>(1, panel.max_epoch))) * (kRight - kLeft); };
  const auto score_y = [&](double v) { return kScoreEnd - share(v) * (kScoreEnd - kScoreTop); };
  const auto loss_y = [&](double v) { return kLossEnd - share(v / panel.max_loss) * (kLossEnd - kLossTop); };
  const CurvePoint* best = nullptr;
  for (const auto& p : curve) {
    if (std::isfinite(p.valid_score) && (best == nullptr || p.valid_score > best->valid_score)) best = &p;
  }
  const std::string said = best == nullptr ? "no validation score" : fill("best {} % at epoch {}", {percent(best->valid_score), best->epoch});

  std::string svg = open_svg(kPanelWidth, 208, panel.title + ": " + said, "Validation score above, training and validation loss below, against the epoch");
  svg += text_at(0, 12, "class=\"value\"", clip(panel.title, 17));
  svg += text_at(kRight, 12, "class=\"small\" text-anchor=\"end\"", best == nullptr ? said : "best " + percent(best->valid_score) + " %");
  const auto axis = [&](double top, double end, std::string_view high) {
    return line(kLeft, top, kRight, top, "grid") + line(kLeft, end, kRight, end, "grid") +
           text_at(kLeft - 5, top + 4, "class=\"small\" text-anchor=\"end\"", high) + text_at(kLeft - 5, end + 4, "class=\"small\" text-anchor=\"end\"", "0");
  };
  svg += axis(kScoreTop, kScoreEnd, "100");
  svg += text_at(kLeft, kScoreTop - 6, "class=\"small\"", "score, %");
  for (const auto* other : panel.context) svg += polyline(*other, &CurvePoint::valid_score, "line context", x_of, score_y);
  svg += polyline(curve, &CurvePoint::valid_score, "line", x_of, score_y);
  if (best != nullptr) svg += fill("<circle cx=\"{}\" cy=\"{}\" r=\"3\" class=\"best\"/>\n", {px(x_of(best->epoch)), px(score_y(best->valid_score))});

  svg += axis(kLossTop, kLossEnd, number(panel.max_loss, panel.max_loss < 10 ? 1 : 0));
  svg += polyline(curve, &CurvePoint::train_loss, "line train", x_of, loss_y);
  svg += polyline(curve, &CurvePoint::valid_loss, "line valid", x_of, loss_y);
  constexpr double kNames = kLossTop - 7, kKeys = kNames - 4;
  svg += text_at(kLeft, kNames, "class=\"small\"", "loss");
  svg += line(92, kKeys, 110, kKeys, "line train") + text_at(114, kNames, "class=\"small\"", "training");
  svg += line(164, kKeys, 182, kKeys, "line valid") + text_at(186, kNames, "class=\"small\"", "valid.");
  svg += text_at(kLeft, 204, "class=\"small\" text-anchor=\"middle\"", "0");
  svg += text_at(kRight, 204, "class=\"small\" text-anchor=\"end\"", "epoch " + std::to_string(panel.max_epoch));
  return svg + "</svg>\n";
}

std::string cell_chart(const CellChart& chart) {
  constexpr double kRow = 24, kBar = 12, kGap = 10, kTop = 26, kNumber = 62;
  double most = 0, least = 0;
  for (const auto& row : chart.rows) {
    for (const double v : row.values) {
      if (std::isfinite(v)) most = std::max(most, v), least = std::min(least, v);
    }
  }
  const double cell = (kWidth - kPlotBegin) / static_cast<double>(std::max<size_t>(1, chart.columns.size()));
  const double scale = most > least ? std::max(1.0, cell - kNumber) / (most - least) : 0;
  double bottom = kTop;
  for (size_t i = 0; i < chart.rows.size(); ++i) bottom += kRow + (i > 0 && chart.rows[i].stage != chart.rows[i - 1].stage ? kGap : 0);

  std::string svg = open_svg(kWidth, bottom + 6, chart.title, chart.description);
  const auto zero_of = [&](size_t column) { return kPlotBegin + cell * static_cast<double>(column) - least * scale; };
  for (size_t c = 0; c < chart.columns.size(); ++c) {
    svg += text_at(zero_of(c), 14, "class=\"stage\"", clip(chart.columns[c], std::max<int64_t>(3, static_cast<int64_t>(cell / 9))));
    svg += line(zero_of(c), kTop - 4, zero_of(c), bottom, "zero");
  }
  double y = kTop;
  for (size_t i = 0; i < chart.rows.size(); ++i) {
    const auto& row = chart.rows[i];
    const bool begins = i == 0 || row.stage != chart.rows[i - 1].stage;
    if (i > 0 && begins) y += kGap;
    const double middle = y + kRow / 2;
    svg += row_names(row.label, row.stage, begins, middle + 4.5);
    for (size_t c = 0; c < std::min(row.values.size(), chart.columns.size()); ++c) {
      const double v = row.values[c], zero = zero_of(c);
      if (std::isfinite(v)) svg += rect(std::min(zero, zero + v * scale), middle - kBar / 2, std::abs(v * scale), kBar, stage_class(row.stage));
      svg += text_at((std::isfinite(v) ? std::max(zero, zero + v * scale) : zero) + 6, middle + 4, "class=\"small\"", chart.text(v));
    }
    y += kRow;
  }
  return svg + "</svg>\n";
}

}  // namespace alloy::demo::html
