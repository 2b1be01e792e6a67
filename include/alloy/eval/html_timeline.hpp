// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Series in lanes above one another over one axis of time, with stretches shaded and moments marked and numbered; what happened at
/// each is listed below. For pages of eval/html_report.hpp.

#include <alloy/eval/html_charts.hpp>

namespace alloy::html {

struct TimeLane {
  std::string name;
  std::vector<Point> points;                                ///< x, y; sorted here; y of NaN breaks the line
  double guide = std::numeric_limits<double>::quiet_NaN();  ///< a dashed line at this y, such as a threshold; NaN = none
};
/// Shaded over all lanes.
struct TimeSpan {
  double start = 0, stop = 0;
  std::string label = {};  ///< above it
};
/// A line through all lanes, with its number above.
struct TimeMark {
  double at = std::numeric_limits<double>::quiet_NaN();  ///< NaN = not known: listed only
  std::string text;                                      ///< in the list
  std::string note = {};                                 ///< behind it, in grey
  bool strong = false;                                   ///< in colour, and its text is bold
};
struct TimeLine {
  std::string title, description = {};
  std::string x_name = "hours";
  std::vector<TimeLane> lanes;
  std::vector<TimeSpan> spans = {};
  std::vector<TimeMark> marks = {};
  double width = 960, lane_height = 64;
};
/// The picture, and the list of marks as a table if there are any. Numbers are the marks' places, from 1; stretches and marks outside
/// of what the lanes show are not drawn.
ALLOY_API std::string time_line(const TimeLine& chart);

}  // namespace alloy::html
