// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/html_report.hpp>

#include "core/detail/utf8.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace alloy::html {

namespace {

constexpr auto kMinus = "−", kNarrowSpace = "\u202f";

void replace_minus(std::string& text) {
  for (size_t at = 0; (at = text.find('-', at)) != std::string::npos;) text.replace(at, 1, kMinus);
}

std::string group_digits(std::string text) {
  const size_t point = std::min(text.find('.'), text.size());
  for (auto at = static_cast<int64_t>(point) - 3; at > 0; at -= 3) text.insert(static_cast<size_t>(at), kNarrowSpace);
  return text;
}

}  // namespace

std::string escape(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const char32_t c = detail::next_code_point(text);
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      case '\n': case '\t': out += static_cast<char>(c); break;
      default: detail::append_utf8(out, c < 0x20 || (c >= 0x7f && c < 0xa0) ? detail::kReplacement : c);
    }
  }
  return out;
}

std::string clip(std::string_view text, int64_t max_characters) {
  std::string_view rest = text;
  for (int64_t i = 0; i < max_characters && !rest.empty(); ++i) detail::next_code_point(rest);
  const std::string kept(text.substr(0, text.size() - rest.size()));
  return rest.empty() ? kept : kept + "…";
}

std::string joined(const std::vector<std::string>& names, std::string_view separator) {
  if (names.empty()) return "none";
  std::string out = escape(names.front());
  for (size_t i = 1; i < names.size(); ++i) out.append(separator).append(escape(names[i]));
  return out;
}

std::string number(double value, int decimals) {
  if (!std::isfinite(value)) return kNone;
  std::array<char, 400> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::abs(value), std::chars_format::fixed, std::clamp(decimals, 0, 60)).ptr;
  const std::string digits(buffer.data(), end);
  const bool zero = digits.find_first_not_of("0.") == std::string::npos;  // which has no sign
  return value < 0 && !zero ? kMinus + digits : digits;
}

std::string signed_number(double value, int decimals) {
  const std::string text = number(value, decimals);
  return value > 0 && std::isfinite(value) ? "+" + text : text;
}

std::string percent(double share) { return number(100 * share, 1); }

std::string grouped(int64_t value) {
  const std::string text = std::to_string(value);
  return value < 0 ? "-" + group_digits(text.substr(1)) : group_digits(text);
}

std::string brief(double value, int digits) {
  constexpr double kMostFixed = 1e7, kLeastFixed = 1e-5;
  if (!std::isfinite(value)) return kNone;
  if (value == 0) return "0";
  const double size = std::abs(value);
  std::array<char, 64> buffer;
  const bool fixed = size < kMostFixed && size >= kLeastFixed;
  digits = std::clamp(digits, 1, 17);
  const int decimals = std::max(0, digits - 1 - static_cast<int>(std::floor(std::log10(size))));
  const auto end = fixed ? std::to_chars(buffer.data(), buffer.data() + buffer.size(), size, std::chars_format::fixed, decimals).ptr
                         : std::to_chars(buffer.data(), buffer.data() + buffer.size(), size, std::chars_format::scientific, digits - 1).ptr;
  std::string text(buffer.data(), end), exponent;
  if (const size_t e = text.find('e'); e != std::string::npos) {  // 1.500e-09 reads 1.5e−9
    exponent = "e" + std::to_string(std::stoi(text.substr(e + 1)));
    replace_minus(exponent);
    text.resize(e);
  }
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return (value < 0 ? kMinus : "") + group_digits(text) + exponent;
}

}  // namespace alloy::html
