// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Options are aggregates that name each field once:
///
///     struct GateOptions {
///       int64_t dim = 128;
///       static void describe(auto& self, auto&& field) { field("dim", self.dim, "width of the output, > 0"); }
///       void validate() const;   // throws ConfigError; optional
///     };
///
/// From that one list come reading and writing of configs, the reference, `alloy list` and error messages. A field is a
/// bool, int64_t, double, std::string, path, an enum with `enum_names`, a vector of these, nested options or a Config.

#include <alloy/core/config.hpp>

#include <algorithm>
#include <filesystem>

namespace alloy {

template <class T>
concept Options = std::is_aggregate_v<T> && requires(T& options) { T::describe(options, [](auto&&...) {}); };

template <class T>
concept NamedEnum = std::is_enum_v<T> && requires(T value) { enum_names(value); };

/// The name of an enum value, as in configs.
template <NamedEnum E>
std::string_view name_of(E value) {
  for (const auto& [candidate, name] : enum_names(E{}))
    if (candidate == value) return name;
  return "?";
}
/// @throws ConfigError that lists the names known
template <NamedEnum E>
E enum_from_name(std::string_view name, std::string_view path = "") {
  std::vector<std::string> known;
  for (const auto& [value, candidate] : enum_names(E{})) {
    if (candidate == name) return value;
    known.emplace_back(candidate);
  }
  fail<ConfigError>("{}: unknown value '{}', known: {}", {path, name, known});
}
template <NamedEnum E>
struct MessageText<E> {
  static std::string of(E value) { return std::string(name_of(value)); }
};

/// One option as the reference prints it.
struct OptionInfo {
  std::string name, type;
  Config default_value;
  std::string description;
};

namespace detail {

template <class T>
struct VectorElement : std::false_type {};
template <class T>
struct VectorElement<std::vector<T>> : std::true_type {
  using type = T;
};

template <class T>
std::string option_type() {
  if constexpr (std::same_as<T, bool>) return "bool";
  else if constexpr (std::same_as<T, int64_t>) return "int";
  else if constexpr (std::same_as<T, double>) return "float";
  else if constexpr (std::same_as<T, std::string>) return "string";
  else if constexpr (std::same_as<T, std::filesystem::path>) return "path";
  else if constexpr (std::same_as<T, Config>) return "object";
  else if constexpr (NamedEnum<T>) {
    std::string result;
    for (const auto& [value, name] : enum_names(T{})) result.append(result.empty() ? "" : "|").append(name);
    return result;
  } else if constexpr (VectorElement<T>::value) return std::string("list of ").append(option_type<typename VectorElement<T>::type>());
  else {
    static_assert(Options<T>, "an option is a bool, int64_t, double, string, path, named enum, vector, Options or Config");
    return "options";
  }
}

template <class T>
Config write_value(const T& value) {
  if constexpr (std::same_as<T, std::filesystem::path>) return Config(value.string());
  else if constexpr (NamedEnum<T>) return Config(std::string(name_of(value)));
  else if constexpr (VectorElement<T>::value) {
    Config::Array items;
    for (const auto& item : value) items.push_back(write_value<typename VectorElement<T>::type>(item));
    return Config(std::move(items));
  } else if constexpr (Options<T>) {
    Config result = Config::object();
    T::describe(value, [&](std::string_view name, const auto& field, std::string_view) {
      result.set(name, write_value(field));
    });
    return result;
  } else return Config(value);
}

template <class T>
void read_value(T& out, const Config& config, const std::string& path) {
  if constexpr (std::same_as<T, bool>) out = config.as_bool(path);
  else if constexpr (std::same_as<T, int64_t>) out = config.as_int(path);
  else if constexpr (std::same_as<T, double>) out = config.as_double(path);
  else if constexpr (std::same_as<T, std::string>) out = config.as_string(path);
  else if constexpr (std::same_as<T, std::filesystem::path>) out = config.as_string(path);
  else if constexpr (std::same_as<T, Config>) out = config;
  else if constexpr (NamedEnum<T>) out = enum_from_name<T>(config.as_string(path), path);
  else if constexpr (VectorElement<T>::value) {
    out.clear();
    for (const Config& item : config.as_array(path)) {
      typename VectorElement<T>::type element{};
      read_value(element, item, path + "/" + std::to_string(out.size()));
      out.push_back(std::move(element));
    }
  } else {
    std::vector<std::string> known;
    T::describe(out, [&](std::string_view name, auto&, std::string_view) { known.emplace_back(name); });
    for (const auto& member : config.as_object(path))
      check<ConfigError>(std::ranges::find(known, member.first) != known.end(), "{}/{}: unknown option, known: {}",
                         {path, member.first, known});
    T::describe(out, [&](std::string_view name, auto& field, std::string_view) {
      if (const Config* value = config.find(name)) read_value(field, *value, path + "/" + std::string(name));
    });
  }
}

}  // namespace detail

/// Options to a config object, every field written.
template <Options O>
Config to_config(const O& options) {
  return detail::write_value(options);
}

/// As from_config without `validate()`, for a config that other settings complete; call it afterwards.
template <Options O>
O from_unfinished_config(const Config& config, const std::string& path = "") {
  O options{};
  if (!config.is_null()) detail::read_value(options, config, path);
  return options;
}

/// Options from a config object; fields that it does not have keep their defaults.
/// @throws ConfigError `/fusion/options/dmi: unknown option, known: dim, dropout_rate`; also for a wrong type, and
///                     whatever `validate()` refuses
template <Options O>
O from_config(const Config& config, const std::string& path = "") {
  O options = from_unfinished_config<O>(config, path);
  if constexpr (requires { options.validate(); }) options.validate();
  return options;
}

/// Name, type, default and description of every option.
template <Options O>
std::vector<OptionInfo> option_infos() {
  std::vector<OptionInfo> infos;
  O defaults{};
  O::describe(defaults, [&]<class T>(std::string_view name, T& field, std::string_view description) {
    infos.push_back({std::string(name), detail::option_type<T>(), detail::write_value(field), std::string(description)});
  });
  return infos;
}

}  // namespace alloy
