// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Charts as inline SVG for the pages of eval/html_report.hpp. Every mark has its name or number beside it, every chart a
/// title and a description for those who cannot see it, and charts of many values a table of them. Labels are plain text and
/// escaped here; what is not finite is left out.

#include <alloy/eval/html_svg.hpp>
#include <alloy/eval/metrics.hpp>

#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alloy::html {

struct Bar {
  std::string label;
  std::string group = {};  ///< named once where a new one begins
  std::string css = "c1";  ///< class that colours it
  Score score;             ///< 0..1; whiskers where low and high are finite
};
/// A dashed line across all bars.
struct Guide {
  enum class Place { above, below };
  std::string label;
  double value = 0;  ///< 0..1; NaN = none
  Place place = Place::above;
};
struct BarChart {
  std::string title, description;
  std::vector<Bar> bars;  ///< sorted by group
  std::vector<Guide> guides = {};
};
/// Horizontal bars of shares, from 0 to 100 %.
ALLOY_API std::string bar_chart(const BarChart& chart);

/// Rows of small bars, a bar and its number in each cell; negative values go to the left. All share one scale.
struct CellChart {
  std::string title, description;
  std::vector<std::string> columns;
  struct Row {
    std::string label;
    std::string group = {};
    std::string css = "c1";
    std::vector<double> values;  ///< one a column; NaN = none
  };
  std::vector<Row> rows = {};
  std::string (*text)(double value) = nullptr;  ///< a value as it is printed
};
ALLOY_API std::string cell_chart(const CellChart& chart);

enum class AxisScale { linear, logarithmic };
using Point = std::pair<double, double>;

struct Line {
  std::string name;
  std::vector<Point> points;  ///< x, y; sorted here; y of NaN breaks the line
};
struct LineChart {
  std::string title, description = {};
  std::string x_name = "step", y_name = {};
  std::vector<Line> lines;
  AxisScale y_scale = AxisScale::linear;  ///< logarithmic: values of 0 and below are left out
  double width = 960;
};
/// Several series over one axis, with a legend. Of very many points a pixel keeps the first, the last and the extremes.
ALLOY_API std::string line_chart(const LineChart& chart);
/// The same as a table: a row a value of x, at most `max_rows` of them, evenly chosen with the last.
ALLOY_API std::string line_table(const LineChart& chart, size_t max_rows = 25);

struct HeatMap {
  std::string title, description = {};
  std::string row_name = {}, column_name = {};
  size_t rows = 0, columns = 0;
  std::vector<double> values;                                ///< [rows, columns]
  std::vector<std::string> row_labels = {}, column_labels = {};  ///< shown where there is room; empty = numbers
  double low = std::numeric_limits<double>::quiet_NaN();     ///< ends of the colours; NaN = of the values
  double high = std::numeric_limits<double>::quiet_NaN();
  double width = 470;
};
inline constexpr size_t kMostHeatCells = 64;  ///< a side: what is beyond is not drawn
/// A matrix as colours, with a legend. @throws ShapeError if sizes and values disagree
ALLOY_API std::string heat_map(const HeatMap& map);
/// The same as a table of numbers; at most `max_side` rows and columns.
ALLOY_API std::string heat_table(const HeatMap& map, size_t max_side = 12);

struct PointClass {
  std::string name;
  std::vector<Point> points;
};
struct ScatterPlot {
  std::string title, description = {};
  std::string x_name = {}, y_name = {};
  std::vector<PointClass> classes;                  ///< each with a colour and a shape of its own
  std::vector<std::pair<Point, Point>> links = {};  ///< thin lines below the points
  double width = 960, height = 520;
};
/// Points of classes; one unit is as long on either axis.
ALLOY_API std::string scatter_plot(const ScatterPlot& plot);

}  // namespace alloy::html
