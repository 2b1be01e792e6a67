// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What an option takes: a value that does not do is wrong usage, and the message says what was expected and shows the value as it was
/// typed. For `option->check(...)`, whole numbers for `option->transform(...)`.

#include <CLI/CLI.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace alloy::tool {

/// Decimal digits, low .. high ("010" is ten, "0x10" and "1e3" are refused).
CLI::Validator whole_number(int64_t low, int64_t high = std::numeric_limits<int64_t>::max());
/// A finite number, low .. high; nan, inf and what no double can hold, 1e999 and 1e-400, are refused.
CLI::Validator number(double low, double high);
/// Anything but an empty text, such as a shell makes of a variable that is not set. @param what  as "a file", for the message
CLI::Validator filled(std::string what);

/// As it may stand in a message: at most 40 bytes, of printable characters.
std::string shown(std::string_view text);

}  // namespace alloy::tool
