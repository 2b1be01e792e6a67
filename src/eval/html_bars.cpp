// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/html_charts.hpp>
#include <alloy/eval/html_report.hpp>

#include <algorithm>
#include <cmath>

namespace alloy::html {

namespace {

constexpr double kWidth = 960, kNameEnd = 236, kPlotBegin = 246, kRow = 24, kTop = 26;

double share(double value) { return std::isfinite(value) ? std::clamp(value, 0.0, 1.0) : 0; }

/// Whether a new group begins with this row.
bool begins(const auto& rows, size_t i) { return i == 0 || rows[i].group != rows[i - 1].group; }

/// Where all rows end, with a gap between groups.
double bottom_of(const auto& rows, double gap) {
  double bottom = kTop;
  for (size_t i = 0; i < rows.size(); ++i) bottom += kRow + (i > 0 && begins(rows, i) ? gap : 0);
  return bottom;
}

/// Name of the group where a new one begins, and the name of the row.
std::string row_names(const auto& row, bool begins, double y) {
  constexpr int64_t kGroupCharacters = 9, kNameCharacters = 22;
  const std::string group = begins ? svg_text(0, y, "class=\"stage\"", clip(row.group, kGroupCharacters)) : "";
  return group + svg_text(kNameEnd, y, "text-anchor=\"end\"", clip(row.label, row.group.empty() ? kNameCharacters + kGroupCharacters : kNameCharacters));
}

double bar_x(double value) {
  constexpr double kPlotEnd = 870;
  return kPlotBegin + share(value) * (kPlotEnd - kPlotBegin);
}

std::string bar_row(const Bar& bar, double middle) {
  constexpr double kBar = 14;
  std::string svg = svg_rect(kPlotBegin, middle - kBar / 2, bar_x(bar.score.value) - kPlotBegin, kBar, bar.css);
  if (std::isfinite(bar.score.low) && std::isfinite(bar.score.high) && std::isfinite(bar.score.value)) {
    const double low = bar_x(bar.score.low), high = bar_x(bar.score.high);
    const std::string top = px(middle - 3.5), end = px(middle + 3.5);
    svg += fill("<path d=\"M{} {}V{}M{} {}H{}M{} {}V{}\" class=\"whisker\"/>\n", {px(low), top, end, px(low), px(middle), px(high), px(high), top, end});
  }
  return svg + svg_text(kWidth, middle + 4.5, "class=\"value\" text-anchor=\"end\"", percent(bar.score.value) + " %");
}

std::string guide_line(const Guide& guide, double bottom) {
  if (!std::isfinite(guide.value)) return {};
  const double x = bar_x(guide.value);
  const bool above = guide.place == Guide::Place::above;
  return svg_line(x, kTop - (above ? 8 : 4), x, bottom + (above ? 0 : 24), "guide") +
         svg_text(x, above ? kTop - 13 : bottom + 36, "class=\"small\" text-anchor=\"middle\"", guide.label + " " + percent(guide.value) + " %");
}

}  // namespace

std::string bar_chart(const BarChart& chart) {
  constexpr double kGap = 12;
  const double bottom = bottom_of(chart.bars, kGap);
  std::string svg = svg_open(kWidth, bottom + 42, chart.title, chart.description);
  for (int tick = 0; tick <= 100; tick += 20) {
    svg += svg_line(bar_x(tick / 100.0), kTop - 4, bar_x(tick / 100.0), bottom, "grid");
    svg += svg_text(bar_x(tick / 100.0), bottom + 16, "class=\"small\" text-anchor=\"middle\"", std::to_string(tick) + (tick == 100 ? " %" : ""));
  }
  double y = kTop;
  for (size_t i = 0; i < chart.bars.size(); ++i, y += kRow) {
    if (i > 0 && begins(chart.bars, i)) y += kGap;
    svg += row_names(chart.bars[i], begins(chart.bars, i), y + kRow / 2 + 4.5) + bar_row(chart.bars[i], y + kRow / 2);
  }
  for (const Guide& guide : chart.guides) svg += guide_line(guide, bottom);
  return svg + "</svg>\n";
}

std::string cell_chart(const CellChart& chart) {
  constexpr double kBar = 12, kGap = 10, kNumber = 62;
  double most = 0, least = 0;
  for (const auto& row : chart.rows) {
    for (const double v : row.values) {
      if (std::isfinite(v)) most = std::max(most, v), least = std::min(least, v);
    }
  }
  const double cell = (kWidth - kPlotBegin) / static_cast<double>(std::max<size_t>(1, chart.columns.size()));
  const double scale = most > least ? std::max(1.0, cell - kNumber) / (most - least) : 0;
  const double bottom = bottom_of(chart.rows, kGap);
  const auto zero_of = [&](size_t column) { return kPlotBegin + cell * static_cast<double>(column) - least * scale; };

  std::string svg = svg_open(kWidth, bottom + 6, chart.title, chart.description);
  for (size_t c = 0; c < chart.columns.size(); ++c) {
    svg += svg_text(zero_of(c), 14, "class=\"stage\"", clip(chart.columns[c], std::max<int64_t>(3, static_cast<int64_t>(cell / 9))));
    svg += svg_line(zero_of(c), kTop - 4, zero_of(c), bottom, "zero");
  }
  double y = kTop;
  for (size_t i = 0; i < chart.rows.size(); ++i, y += kRow) {
    const auto& row = chart.rows[i];
    if (i > 0 && begins(chart.rows, i)) y += kGap;
    const double middle = y + kRow / 2;
    svg += row_names(row, begins(chart.rows, i), middle + 4.5);
    for (size_t c = 0; c < std::min(row.values.size(), chart.columns.size()); ++c) {
      const double v = row.values[c], zero = zero_of(c);
      if (std::isfinite(v)) svg += svg_rect(std::min(zero, zero + v * scale), middle - kBar / 2, std::abs(v * scale), kBar, row.css);
      const std::string text = chart.text == nullptr ? brief(v, 3) : chart.text(v);
      svg += svg_text((std::isfinite(v) ? std::max(zero, zero + v * scale) : zero) + 6, middle + 4, "class=\"small\"", text);
    }
  }
  return svg + "</svg>\n";
}

}  // namespace alloy::html
