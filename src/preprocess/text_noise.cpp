// SPDX-License-Identifier: Apache-2.0
#include <alloy/preprocess/text_noise.hpp>

#include "core/detail/utf8.hpp"

namespace alloy {

namespace {

// Keys that touch, letters only, of a to z.
constexpr std::array<std::string_view, 26> kNeighbours = {
    "qwsz", "vghn",  "xdfv", "serfcx", "wsdr", "drtgvc", "ftyhbv", "gyujnb", "ujko", "huikmn", "jiolm", "kop",  "njk",
    "bhjm", "iklp",  "ol",   "wa",     "edft", "awedxz", "rfgy",   "yhji",   "cfgb", "qase",   "zsdc",  "tghu", "asx"};

char32_t lower(char32_t c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; }
bool is_letter(char32_t c) { return lower(c) >= 'a' && lower(c) <= 'z'; }

char32_t neighbour(char32_t letter, Random& random) {
  const std::string_view keys = kNeighbours[lower(letter) - 'a'];
  const auto key = static_cast<char32_t>(keys[static_cast<size_t>(random.below(static_cast<int64_t>(keys.size())))]);
  return letter == lower(letter) ? key : key - ('a' - 'A');
}

}  // namespace

void TypingErrorOptions::validate() const {
  check<ConfigError>(percent >= 0 && percent <= 100, "[add_typing_errors] expected percent in 0..100, got {}", {percent});
  check<ConfigError>(!kinds.empty(), "[add_typing_errors] expected at least one kind of error, got none");
}

std::string add_typing_errors(std::string_view text, const TypingErrorOptions& o, Random& random) {
  o.validate();
  std::string out;
  out.reserve(text.size());
  std::vector<TypingError> possible;
  while (!text.empty()) {
    const char32_t c = detail::next_code_point(text);
    if (!random.chance(o.percent / 100)) {
      detail::append_utf8(out, c);
      continue;
    }
    std::string_view after = text;
    const bool last = text.empty();
    const char32_t next = last ? c : detail::next_code_point(after);
    possible.clear();
    for (const TypingError kind : o.kinds) {
      const bool can = kind == TypingError::neighbour       ? is_letter(c)
                       : kind == TypingError::transposition ? next != c
                       : kind == TypingError::omission      ? !last || !out.empty()
                                                            : true;
      if (can) possible.push_back(kind);
    }
    if (possible.empty()) {
      detail::append_utf8(out, c);
      continue;
    }
    switch (possible[static_cast<size_t>(random.below(static_cast<int64_t>(possible.size())))]) {
      case TypingError::neighbour: detail::append_utf8(out, neighbour(c, random)); break;
      case TypingError::transposition:
        detail::append_utf8(out, next);
        detail::append_utf8(out, c);
        text = after;  // both are done: an error of one character is not undone by the next
        break;
      case TypingError::omission: break;
      case TypingError::doubling:
        detail::append_utf8(out, c);
        detail::append_utf8(out, c);
        break;
    }
  }
  return out;
}

}  // namespace alloy
