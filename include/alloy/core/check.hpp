// SPDX-License-Identifier: Apache-2.0
#pragma once

/// `check<E>(condition, "[Where] expected ..., got {}", {values})`: throws E with the values filled in. The values are
/// only turned into text when the check fails, so a check costs a branch.

#include <alloy/core/error.hpp>

#include <concepts>
#include <filesystem>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace alloy {

namespace detail {
ALLOY_API std::string number_text(int64_t value);
ALLOY_API std::string number_text(uint64_t value);
ALLOY_API std::string number_text(double value);
ALLOY_API std::string list_text(std::span<const int64_t> values);
ALLOY_API std::string list_text(std::span<const std::string> values);
}  // namespace detail

/// How a value reads in a message; specialise it for types of your own. Lists read `[2, 3]` and `a, b`.
template <class T>
struct MessageText;
template <std::signed_integral T>
struct MessageText<T> {
  static std::string of(T v) { return detail::number_text(static_cast<int64_t>(v)); }
};
template <std::unsigned_integral T>
struct MessageText<T> {
  static std::string of(T v) { return detail::number_text(static_cast<uint64_t>(v)); }
};
template <>
struct MessageText<bool> {
  static std::string of(bool v) { return v ? "true" : "false"; }
};
template <std::floating_point T>
struct MessageText<T> {
  static std::string of(T v) { return detail::number_text(static_cast<double>(v)); }
};
template <class T>
  requires std::convertible_to<const T&, std::string_view>
struct MessageText<T> {
  static std::string of(const T& v) { return std::string(std::string_view(v)); }
};
template <>
struct MessageText<std::filesystem::path> {
  static std::string of(const std::filesystem::path& v) { return v.string(); }
};
template <>
struct MessageText<std::vector<std::string>> {
  static std::string of(const std::vector<std::string>& v) { return detail::list_text(std::span(v)); }
};
template <class T>
  requires(!std::convertible_to<const T&, std::string_view> && std::convertible_to<const T&, std::span<const int64_t>>)
struct MessageText<T> {
  static std::string of(const T& v) { return detail::list_text(std::span<const int64_t>(v)); }
};

/// One value of a message, by reference; lives no longer than the full expression that makes it.
class MessageArg {
 public:
  template <class T>
    requires(!std::same_as<std::remove_cvref_t<T>, MessageArg>)
  MessageArg(const T& value)  // NOLINT(google-explicit-constructor): written in braces at every call
      : value_(&value), text_([](const void* v) { return MessageText<T>::of(*static_cast<const T*>(v)); }) {}
  std::string text() const { return text_(value_); }

 private:
  const void* value_;
  std::string (*text_)(const void*);
};

/// Replaces each `{}` of the pattern by the next value.
ALLOY_API std::string format_message(std::string_view pattern, std::initializer_list<MessageArg> values = {});

template <std::derived_from<Error> E>
[[noreturn]] void fail(std::string_view pattern, std::initializer_list<MessageArg> values = {}) {
  throw E(format_message(pattern, values));
}

template <std::derived_from<Error> E>
inline void check(bool condition, std::string_view pattern, std::initializer_list<MessageArg> values = {}) {
  if (!condition) [[unlikely]] fail<E>(pattern, values);
}

}  // namespace alloy
