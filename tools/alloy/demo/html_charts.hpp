// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The charts of the report as inline SVG: colours come from the style sheet, so that they follow light and dark, and
/// every mark has its name or number beside it. Labels are given as plain text and escaped here.

#include "results.hpp"

#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace alloy::demo::html {

struct Bar {
  std::string label, stage;
  Score score;  ///< 0..1
};
struct BarChart {
  std::string title, description;
  std::vector<Bar> bars;  ///< sorted by stage
  double chance = std::numeric_limits<double>::quiet_NaN();  ///< a dashed line each; NaN = none
  double best_single = std::numeric_limits<double>::quiet_NaN();
};
/// Horizontal bars from 0 to 100 %, with whiskers, named by stage once a group.
std::string bar_chart(const BarChart& chart);

/// Score and loss of one training, one above the other.
struct CurvePanel {
  std::string title;
  const std::vector<CurvePoint>* curve = nullptr;                ///< at least one point
  std::vector<const std::vector<CurvePoint>*> context = {};      ///< scores of others, in grey
  double max_loss = 1;                                           ///< end of the loss axis
  int64_t max_epoch = 1;                                         ///< end of the epoch axis
};
std::string curve_panel(const CurvePanel& panel);

/// A row a method, a column a modality, a small bar and its number in each cell; negative values go to the left.
struct CellChart {
  std::string title, description;
  std::vector<std::string> columns;
  struct Row {
    std::string label, stage;
    std::vector<double> values;  ///< one a column; NaN = none
  };
  std::vector<Row> rows;
  std::string (*text)(double value) = nullptr;  ///< a value as it is printed
};
std::string cell_chart(const CellChart& chart);

}  // namespace alloy::demo::html
