// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Parts of inline SVG, for charts of your own in a page of eval/html_report.hpp. Colours come from the style sheet, so that
/// they follow light and dark: the classes c0 to c7 fill, and with `line` stroke, in the colours of series; `grid`, `zero`,
/// `guide` and `whisker` are lines; `small`, `stage` and `value` are texts. Coordinates are in pixels of the view box.

#include <alloy/core/export.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace alloy::html {

/// A coordinate; 0 for what is not finite.
ALLOY_API std::string px(double value);
/// To be closed by `</svg>`. The title is what is read aloud.
ALLOY_API std::string svg_open(double width, double height, std::string_view title, std::string_view description);
/// @param attributes  markup: class and text-anchor
ALLOY_API std::string svg_text(double x, double y, std::string_view attributes, std::string_view text);
ALLOY_API std::string svg_line(double x1, double y1, double x2, double y2, std::string_view css);
ALLOY_API std::string svg_rect(double x, double y, double width, double height, std::string_view css);
/// The class of the n-th series: c1 to c7, then again from the start; c0 is grey, for what stands back.
ALLOY_API std::string series_class(size_t series);

}  // namespace alloy::html
