// SPDX-License-Identifier: Apache-2.0
#pragma once

/// JSON text to `Config` and back. The reader is made for text from outside: it builds nothing before it has checked
/// depth, number of values, encoding and repeated keys.

#include <alloy/core/config.hpp>

namespace alloy {

struct JsonLimits {
  int64_t depth = 64;
  int64_t values = 1'000'000;
};

/// @param where  what the text is (a file name), for messages
/// @throws DataError on anything but one valid JSON value of UTF-8 text, on a repeated key, and above a limit
ALLOY_API Config parse_json(std::string_view text, std::string_view where, const JsonLimits& limits = {});
/// @param indent  spaces a level; below 0, one line. Doubles are written so that they read back bit-equal; NaN and
///                infinities become null, since JSON has no word for them.
ALLOY_API std::string to_json(const Config& config, int indent = 2);

}  // namespace alloy
