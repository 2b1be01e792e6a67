// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Points in time as tables write them: seconds as a number, or a date and a time of day (ISO 8601).

#include <alloy/core/export.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace alloy {

/// Seconds since 1970-01-01 00:00 UTC of `2026-03-01T12:30:05.25+01:00`: date and time with `T` or a space between them, seconds and
/// their fraction, and the zone (`Z`, `+01:00`, `+0100`, `+01`) may be left out; without a zone it is UTC, without a time midnight. A
/// plain number is taken for seconds from a zero of the writer's own. Spaces around it are allowed; leap seconds are not.
/// @return nothing for a text that is neither, a date that does not exist, or a number that is not finite
ALLOY_API std::optional<double> parse_time_stamp(std::string_view text);

/// `2026-03-01T12:30:05Z`, rounded to whole seconds; what parse_time_stamp reads.
/// @throws ConfigError outside the years 1..9999
ALLOY_API std::string time_stamp(double seconds);

}  // namespace alloy
