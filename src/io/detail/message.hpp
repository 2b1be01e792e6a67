// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Text from a file inside a message.

#include <string>
#include <string_view>

namespace alloy::detail {

/// At most 80 bytes, without control characters: what a file says must not reach a terminal as commands.
inline std::string shown(std::string_view text) {
  std::string result(text.substr(0, 80));
  for (char& c : result)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return text.size() > 80 ? result + "..." : result;
}

}  // namespace alloy::detail
