// SPDX-License-Identifier: Apache-2.0
#pragma once

/// UTF-8 that never fails: malformed bytes read as U+FFFD. Knows nothing of LibTorch, so that it is quick to fuzz.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace alloy::detail {

inline constexpr char32_t kReplacement = 0xFFFD;

/// Reads the code point at the front of `text` (not empty) and removes its bytes. A malformed sequence gives one
/// kReplacement for its longest part that could begin a character (Unicode 15, section 3.9, "maximal subparts"):
/// overlong forms, surrogates and values above U+10FFFF are malformed.
char32_t next_code_point(std::string_view& text);

/// @param code_point  a scalar value; anything else is written as kReplacement
void append_utf8(std::string& out, char32_t code_point);

/// The text with every malformed sequence replaced.
std::string valid_utf8(std::string_view text);

/// The bytes of the valid form of the longest prefix of whole characters that fits.
std::string valid_utf8_prefix(std::string_view text, size_t max_bytes);

/// Characters, not bytes: bytes that begin one.
inline int64_t character_count(std::string_view text) {
  return std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

}  // namespace alloy::detail
