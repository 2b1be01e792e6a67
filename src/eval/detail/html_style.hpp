// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace alloy::detail {

/// The style sheet of every page of eval/html_report.hpp.
std::string_view html_style_sheet();

}  // namespace alloy::detail
