// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A small ordered value tree: what options are read from and written to, and what model folders hold as JSON.
/// A value type: copies are deep, no thread safety beyond that of its parts.

#include <alloy/core/check.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace alloy {

class ALLOY_API Config {
 public:
  using Array = std::vector<Config>;
  using Member = std::pair<std::string, Config>;
  using Object = std::vector<Member>;

  Config() = default;  ///< null
  Config(bool value) : value_(value) {}
  Config(int64_t value) : value_(value) {}
  Config(int value) : value_(static_cast<int64_t>(value)) {}
  Config(double value) : value_(value) {}
  Config(std::string value) : value_(std::move(value)) {}
  Config(const char* value) : value_(std::string(value)) {}
  Config(Array value) : value_(std::move(value)) {}
  static Config object(Object members = {});
  static Config array(Array items = {}) { return Config(std::move(items)); }

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_int() const { return std::holds_alternative<int64_t>(value_); }
  bool is_number() const { return is_int() || std::holds_alternative<double>(value_); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_object() const { return std::holds_alternative<Object>(value_); }
  /// "a string", "an object" and so on, for messages.
  std::string_view kind() const;

  /// Typed access. `path` names the place in the message. An integral double such as 2.0 is an int; an int is a double.
  /// @throws ConfigError `/path: expected a string, got an object`
  bool as_bool(std::string_view path = "") const;
  int64_t as_int(std::string_view path = "") const;
  double as_double(std::string_view path = "") const;
  const std::string& as_string(std::string_view path = "") const;
  const Array& as_array(std::string_view path = "") const;
  const Object& as_object(std::string_view path = "") const;
  Array& as_array(std::string_view path = "");
  Object& as_object(std::string_view path = "");

  /// Member of an object by name, or nullptr.
  const Config* find(std::string_view name) const;
  /// @throws ConfigError that names the member missing and those known
  const Config& at(std::string_view name, std::string_view path = "") const;
  /// Sets or replaces a member; a null becomes an object first.
  Config& set(std::string_view name, Config value);

  friend bool operator==(const Config&, const Config&) = default;

 private:
  std::variant<std::monostate, bool, int64_t, double, std::string, Array, Object> value_;
};

}  // namespace alloy
