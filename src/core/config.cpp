// SPDX-License-Identifier: Apache-2.0
#include <alloy/core/config.hpp>

#include <cmath>

namespace alloy {

namespace {

std::string_view place(std::string_view path) { return path.empty() ? "config" : path; }

}  // namespace

Config Config::object(Object members) {
  Config result;
  result.value_ = std::move(members);
  return result;
}

std::string_view Config::kind() const {
  constexpr std::string_view kinds[] = {"null", "a bool", "an integer", "a number", "a string", "a list", "an object"};
  return kinds[value_.index()];
}

bool Config::as_bool(std::string_view path) const {
  check<ConfigError>(is_bool(), "{}: expected true or false, got {}", {place(path), kind()});
  return std::get<bool>(value_);
}

int64_t Config::as_int(std::string_view path) const {
  if (const double* number = std::get_if<double>(&value_)) {
    check<ConfigError>(std::trunc(*number) == *number && std::abs(*number) < 9e15, "{}: expected an integer, got {}", {place(path), *number});
    return static_cast<int64_t>(*number);
  }
  check<ConfigError>(is_int(), "{}: expected an integer, got {}", {place(path), kind()});
  return std::get<int64_t>(value_);
}

double Config::as_double(std::string_view path) const {
  if (is_int()) return static_cast<double>(std::get<int64_t>(value_));
  check<ConfigError>(is_number(), "{}: expected a number, got {}", {place(path), kind()});
  return std::get<double>(value_);
}

const std::string& Config::as_string(std::string_view path) const {
  check<ConfigError>(is_string(), "{}: expected a string, got {}", {place(path), kind()});
  return std::get<std::string>(value_);
}

const Config::Array& Config::as_array(std::string_view path) const {
  check<ConfigError>(is_array(), "{}: expected a list, got {}", {place(path), kind()});
  return std::get<Array>(value_);
}

const Config::Object& Config::as_object(std::string_view path) const {
  check<ConfigError>(is_object(), "{}: expected an object, got {}", {place(path), kind()});
  return std::get<Object>(value_);
}

Config::Array& Config::as_array(std::string_view path) { return const_cast<Array&>(std::as_const(*this).as_array(path)); }
Config::Object& Config::as_object(std::string_view path) { return const_cast<Object&>(std::as_const(*this).as_object(path)); }

const Config* Config::find(std::string_view name) const {
  if (!is_object()) return nullptr;
  for (const auto& [key, value] : std::get<Object>(value_))
    if (key == name) return &value;
  return nullptr;
}

const Config& Config::at(std::string_view name, std::string_view path) const {
  const Object& members = as_object(path);
  if (const Config* found = find(name)) return *found;
  std::vector<std::string> known;
  for (const auto& member : members) known.push_back(member.first);
  fail<ConfigError>("{}: expected a member '{}', got only: {}", {place(path), name, known});
}

Config& Config::set(std::string_view name, Config value) {
  if (is_null()) value_ = Object{};
  for (auto& [key, old] : as_object())
    if (key == name) return old = std::move(value);
  return as_object().emplace_back(std::string(name), std::move(value)).second;
}

}  // namespace alloy
