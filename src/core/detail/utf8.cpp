// SPDX-License-Identifier: Apache-2.0
#include "core/detail/utf8.hpp"

namespace alloy::detail {

namespace {

// What the lead byte says: how many bytes follow and which values the first of them may have (Unicode 15, table 3-7).
// The narrowed ranges are what keeps out overlong forms (E0, F0), surrogates (ED) and values above U+10FFFF (F4).
struct Lead {
  int following;
  uint8_t low, high;
};

Lead lead_of(uint8_t byte) {
  if (byte >= 0xC2 && byte <= 0xDF) return {1, 0x80, 0xBF};
  if (byte == 0xE0) return {2, 0xA0, 0xBF};
  if (byte == 0xED) return {2, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {2, 0x80, 0xBF};
  if (byte == 0xF0) return {3, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {3, 0x80, 0xBF};
  if (byte == 0xF4) return {3, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace

char32_t next_code_point(std::string_view& text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) {
    text.remove_prefix(1);
    return first;
  }
  const Lead lead = lead_of(first);
  if (lead.following == 0) {
    text.remove_prefix(1);
    return kReplacement;
  }
  char32_t value = first & (0x3F >> lead.following);
  size_t used = 1;
  for (int i = 0; i < lead.following; ++i, ++used) {
    const uint8_t low = i == 0 ? lead.low : 0x80, high = i == 0 ? lead.high : 0xBF;
    if (used >= text.size() || byte(used) < low || byte(used) > high) {
      text.remove_prefix(used);
      return kReplacement;
    }
    value = (value << 6) | (byte(used) & 0x3F);
  }
  text.remove_prefix(used);
  return value;
}

void append_utf8(std::string& out, char32_t c) {
  if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) c = kReplacement;
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((c >> shift) & 0x3F)); };
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | (c >> 6));
    tail(0);
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | (c >> 12));
    tail(6), tail(0);
  } else {
    out += static_cast<char>(0xF0 | (c >> 18));
    tail(12), tail(6), tail(0);
  }
}

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) append_utf8(out, next_code_point(text));
  return out;
}

std::string valid_utf8_prefix(std::string_view text, size_t max_bytes) {
  std::string out;
  while (!text.empty() && out.size() < max_bytes) {
    const size_t before = out.size();
    append_utf8(out, next_code_point(text));
    if (out.size() > max_bytes) {
      out.resize(before);
      break;
    }
  }
  return out;
}

}  // namespace alloy::detail
