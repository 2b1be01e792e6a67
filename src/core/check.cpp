// SPDX-License-Identifier: Apache-2.0
#include <alloy/core/check.hpp>

#include <fmt/format.h>

namespace alloy {

namespace detail {

std::string number_text(int64_t value) { return fmt::format("{}", value); }
std::string number_text(uint64_t value) { return fmt::format("{}", value); }
std::string number_text(double value) { return fmt::format("{}", value); }
std::string list_text(std::span<const int64_t> values) { return fmt::format("[{}]", fmt::join(values, ", ")); }
std::string list_text(std::span<const std::string> values) {
  return values.empty() ? "(none)" : fmt::format("{}", fmt::join(values, ", "));
}

}  // namespace detail

std::string format_message(std::string_view pattern, std::initializer_list<MessageArg> values) {
  std::string text;
  const MessageArg* next = values.begin();
  for (size_t at = 0; at < pattern.size(); ++at) {
    if (pattern.compare(at, 2, "{}") == 0 && next != values.end()) {
      text += (next++)->text();
      ++at;
    } else {
      text += pattern[at];
    }
  }
  return text;
}

}  // namespace alloy
