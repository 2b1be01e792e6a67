// SPDX-License-Identifier: Apache-2.0
#include "html_curves.hpp"

#include "html_parts.hpp"

#include <algorithm>
#include <cmath>

namespace alloy::demo::html {

namespace {

double share(double value) { return std::isfinite(value) ? std::clamp(value, 0.0, 1.0) : 0; }

/// The points that can be drawn, as the points of a polyline.
std::string polyline(const std::vector<CurvePoint>& curve, double CurvePoint::*value, std::string_view css, auto&& x_of, auto&& y_of) {
  std::string points;
  for (const auto& p : curve) {
    if (std::isfinite(p.*value)) points += px(x_of(p.epoch)) + "," + px(y_of(p.*value)) + " ";
  }
  return points.empty() ? points : fill("<polyline points=\"{}\" class=\"{}\"/>\n", {points, css});
}

}  // namespace

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

  std::string svg = svg_open(kPanelWidth, 208, panel.title + ": " + said, "Validation score above, training and validation loss below, against the epoch");
  svg += svg_text(0, 12, "class=\"value\"", clip(panel.title, 17));
  svg += svg_text(kRight, 12, "class=\"small\" text-anchor=\"end\"", best == nullptr ? said : "best " + percent(best->valid_score) + " %");
  const auto axis = [&](double top, double end, std::string_view high) {
    return svg_line(kLeft, top, kRight, top, "grid") + svg_line(kLeft, end, kRight, end, "grid") +
           svg_text(kLeft - 5, top + 4, "class=\"small\" text-anchor=\"end\"", high) + svg_text(kLeft - 5, end + 4, "class=\"small\" text-anchor=\"end\"", "0");
  };
  svg += axis(kScoreTop, kScoreEnd, "100");
  svg += svg_text(kLeft, kScoreTop - 6, "class=\"small\"", "score, %");
  for (const auto* other : panel.context) svg += polyline(*other, &CurvePoint::valid_score, "line context", x_of, score_y);
  svg += polyline(curve, &CurvePoint::valid_score, "line", x_of, score_y);
  if (best != nullptr) svg += fill("<circle cx=\"{}\" cy=\"{}\" r=\"3\" class=\"best\"/>\n", {px(x_of(best->epoch)), px(score_y(best->valid_score))});

  svg += axis(kLossTop, kLossEnd, number(panel.max_loss, panel.max_loss < 10 ? 1 : 0));
  svg += polyline(curve, &CurvePoint::train_loss, "line train", x_of, loss_y);
  svg += polyline(curve, &CurvePoint::valid_loss, "line valid", x_of, loss_y);
  constexpr double kNames = kLossTop - 7, kKeys = kNames - 4;
  svg += svg_text(kLeft, kNames, "class=\"small\"", "loss");
  svg += svg_line(92, kKeys, 110, kKeys, "line train") + svg_text(114, kNames, "class=\"small\"", "training");
  svg += svg_line(164, kKeys, 182, kKeys, "line valid") + svg_text(186, kNames, "class=\"small\"", "valid.");
  svg += svg_text(kLeft, 204, "class=\"small\" text-anchor=\"middle\"", "0");
  svg += svg_text(kRight, 204, "class=\"small\" text-anchor=\"end\"", "epoch " + std::to_string(panel.max_epoch));
  return svg + "</svg>\n";
}

}  // namespace alloy::demo::html
