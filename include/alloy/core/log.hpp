// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What the library says on its own: nothing below a warning, on standard error, unless asked. Thread safe.

#include <alloy/core/export.hpp>

#include <functional>
#include <string_view>

namespace alloy {

enum class LogLevel { debug, info, warning, error, off };

ALLOY_API void set_log_level(LogLevel level);
/// Sends messages to a function of yours instead of standard error; an empty function restores standard error.
ALLOY_API void set_log_sink(std::function<void(LogLevel, std::string_view)> sink);
/// Logs a message of your own among those of the library.
ALLOY_API void log_message(LogLevel level, std::string_view message);

}  // namespace alloy
