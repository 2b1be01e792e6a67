// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Axes and legends of the charts.

#include <alloy/eval/html_charts.hpp>

#include <string>
#include <vector>

namespace alloy::detail {

/// The least and the greatest of what is added and finite.
struct Extent {
  double low = 0, high = 0;
  bool empty = true;
  void add(double value);
};

struct Tick {
  double at = 0;  ///< in pixels
  std::string text;
};

enum class AxisEnds { rounded, as_given };
struct AxisOptions {
  html::AxisScale scale = html::AxisScale::linear;
  AxisEnds ends = AxisEnds::rounded;  ///< of a linear axis: widened to the next tick, or not
  double least_step = 0;              ///< between ticks
  double pixels_a_tick = 62;          ///< at least
};

/// Values to pixels. A single value gets room around it.
class Axis {
 public:
  /// @param begin, end  pixels of the low and the high end
  Axis(const Extent& extent, double begin, double end, const AxisOptions& options = {});
  /// Finite, and positive on a logarithmic axis.
  bool shows(double value) const;
  double at(double value) const;
  const std::vector<Tick>& ticks() const { return ticks_; }

 private:
  void set_linear(Extent extent, const AxisOptions& options);
  void set_logarithmic(Extent extent);
  double position(double value) const;

  html::AxisScale scale_;
  double begin_, end_, low_ = 0, high_ = 1;
  std::vector<Tick> ticks_;
};

/// Places for labels: each as near to where it is wanted as leaves `gap` between any two, by least squares, within low..high. Where there is no
/// room for that, the gap shrinks; where there is none at all, low > high, all stand in its middle.
/// @param wanted  in any order; the places have the same order
std::vector<double> spread(const std::vector<double>& wanted, double gap, double low, double high);

/// Grid lines and numbers of two axes; the names stand at their ends.
std::string axis_frame(const Axis& x, const Axis& y, double left, double right, double top, double bottom, std::string_view x_name, std::string_view y_name);

/// How the marks of a series look beside its name: around (0, 0), 18 wide.
using LegendKey = std::string (*)(size_t series, double x, double y);
struct Legend {
  std::string svg;
  double height = 0;
};
/// Keys in rows as wide as there is room; nothing for a single name that is empty.
Legend legend(const std::vector<std::string>& names, double left, double right, LegendKey key);

}  // namespace alloy::detail
