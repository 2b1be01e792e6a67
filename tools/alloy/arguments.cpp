// SPDX-License-Identifier: Apache-2.0
#include "arguments.hpp"

#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <optional>

namespace alloy::tool {

namespace {

/// Of the whole text, a plus sign before it is nothing.
template <class T>
std::optional<T> value_of(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string shown(std::string_view text) {
  std::string out(text.substr(0, 40));
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7F) c = '?';
  return "'" + out + (text.size() > 40 ? "...'" : "'");
}

CLI::Validator whole_number(int64_t low, int64_t high) {
  const std::string range = high == std::numeric_limits<int64_t>::max() ? fmt::format(">= {}", low) : fmt::format("{} .. {}", low, high);
  return CLI::Validator(
      [low, high, range](std::string& text) {
        const std::optional<int64_t> value = value_of<int64_t>(text);
        if (!value || *value < low || *value > high) return fmt::format("expected a whole number, {}, got {}", range, shown(text));
        text = std::to_string(*value);  // CLI11 would take 010 for eight
        return std::string();
      },
      range);
}

CLI::Validator number(double low, double high) {
  const std::string range = fmt::format("{:g} .. {:g}", low, high);
  return CLI::Validator(
      [low, high, range](std::string& text) {
        const std::optional<double> value = value_of<double>(text);
        const bool inside = value && *value >= low && *value <= high;  // nan is not
        return inside ? std::string() : fmt::format("expected a number, {}, got {}", range, shown(text));
      },
      range);
}

CLI::Validator filled(std::string what) {
  return CLI::Validator([what](std::string& text) { return text.empty() ? fmt::format("expected {}, got an empty text", what) : std::string(); }, "");
}

}  // namespace alloy::tool
