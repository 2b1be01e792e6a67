// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Speech by the espeak-ng program.

#include <alloy/io/audio_file.hpp>

namespace alloy::detail {

/// Its version, the same whatever its data folder. @param where  who asks, for messages @throws IoError if it is not installed, with the cure
std::string espeak_version(const std::string& program, std::string_view where);

/// What it says: mono at its own rate, without what is quieter than 1 % of the peak at either end, but for 10 ms.
/// @param arguments  beside those that name output and text @param what  is said, for messages
/// @throws IoError if it is not installed; ConfigError with its own message if it refuses; DataError for silence
Audio espeak_say(const std::string& program, std::vector<std::string> arguments, const std::string& text, std::string_view where,
                 std::string_view what);

}  // namespace alloy::detail
