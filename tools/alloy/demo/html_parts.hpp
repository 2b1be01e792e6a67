// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What every part of this report is written with, besides the library's builder: stages and the style sheet.

#include <alloy/eval/html_charts.hpp>
#include <alloy/eval/html_report.hpp>

#include <string_view>

namespace alloy::demo::html {

using namespace alloy::html;

/// 0 single, 1 early, 2 hybrid, 3 late, 4 anything else.
int stage_rank(std::string_view stage);
/// The CSS class of a stage: its name, or `other`.
std::string_view stage_class(std::string_view stage);

/// What this page has besides the library's style sheet.
std::string_view style_sheet();

}  // namespace alloy::demo::html
