// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The sections of the report below its tables of methods.

#include "html_page.hpp"

#include <string>

namespace alloy::demo::html {

std::string missing_section(const Page& page);
std::string confusion_section(const Page& page);
std::string curves_section(const Page& page);
std::string contributions_section(const Page& page);
std::string samples_section(const Page& page);

}  // namespace alloy::demo::html
