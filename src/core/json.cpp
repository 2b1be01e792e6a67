// SPDX-License-Identifier: Apache-2.0
#include <alloy/core/json.hpp>

#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_set>

namespace alloy {

namespace {

using Json = nlohmann::json;

/// Builds a Config while nlohmann's parser reads, and stops it at the first breach of a limit. The library's own tree
/// would drop repeated keys in silence and has no limit of depth.
class Reader : public nlohmann::json_sax<Json> {
 public:
  Reader(std::string_view where, const JsonLimits& limits) : where_(where), limits_(limits) {}

  bool null() override { return put(Config()); }
  bool boolean(bool value) override { return put(Config(value)); }
  bool number_integer(number_integer_t value) override { return put(Config(static_cast<int64_t>(value))); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<uint64_t>(INT64_MAX)) fail<DataError>("[{}] expected integers below 2^63, got {}", {where_, value});
    return put(Config(static_cast<int64_t>(value)));
  }
  bool number_float(number_float_t value, const string_t&) override { return put(Config(static_cast<double>(value))); }
  bool string(string_t& value) override { return put(Config(std::move(value))); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Config::object()); }
  bool start_array(std::size_t) override { return open(Config::array()); }
  bool key(string_t& name) override {
    check<DataError>(keys_.back().insert(name).second, "[{}] expected each key once, got \"{}\" twice", {where_, name.substr(0, 80)});
    pending_ = std::move(name);
    return true;
  }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    fail<DataError>("[{}] expected JSON, got an error at byte {}", {where_, position});
  }

  Config result;

 private:
  Config* add(Config value) {
    check<DataError>(++values_ <= limits_.values, "[{}] expected at most {} JSON values, got more", {where_, limits_.values});
    if (open_.empty()) {
      result = std::move(value);
      return &result;
    }
    Config& parent = *open_.back();
    if (parent.is_array()) return &parent.as_array().emplace_back(std::move(value));
    return &parent.as_object().emplace_back(std::move(pending_), std::move(value)).second;
  }
  bool put(Config value) {
    add(std::move(value));
    return true;
  }
  bool open(Config value) {
    check<DataError>(static_cast<int64_t>(open_.size()) < limits_.depth, "[{}] expected JSON of at most {} levels, got more", {where_, limits_.depth});
    open_.push_back(add(std::move(value)));
    keys_.emplace_back();
    return true;
  }
  bool close() {
    open_.pop_back();
    keys_.pop_back();
    return true;
  }

  std::string_view where_;
  const JsonLimits& limits_;
  int64_t values_ = 0;
  std::string pending_;
  std::vector<Config*> open_;  // parents do not move while a child is open: only the innermost grows
  std::vector<std::unordered_set<std::string>> keys_;
};

Json to_nlohmann(const Config& config) {
  if (config.is_object()) {
    Json result = Json::object();
    for (const auto& [name, value] : config.as_object()) result[name] = to_nlohmann(value);
    return result;
  }
  if (config.is_bool()) return config.as_bool();
  if (config.is_int()) return config.as_int();
  if (config.is_number()) return std::isfinite(config.as_double()) ? Json(config.as_double()) : Json();
  if (config.is_string()) return config.as_string();
  return nullptr;
}

void write(const Config& config, int indent, int level, std::string& out) {
  const bool object = config.is_object();
  if (!object && !config.is_array()) {
    out += to_nlohmann(config).dump(-1, ' ', false, Json::error_handler_t::replace);
    return;
  }
  const size_t count = object ? config.as_object().size() : config.as_array().size();
  out += object ? '{' : '[';
  // Lists of plain values stay on one line: shapes, widths and names read better so.
  bool flat = indent < 0;
  if (!object) {
    flat = true;
    for (const Config& item : config.as_array()) flat = flat && (indent < 0 || !(item.is_object() || item.is_array()));
  }
  const auto line_break = [&](int to_level) {
    if (flat) return;
    out += '\n';
    out.append(static_cast<size_t>(indent) * static_cast<size_t>(to_level), ' ');
  };
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) out += flat ? ", " : ",";
    line_break(level + 1);
    if (object) {
      const auto& [name, value] = config.as_object()[i];
      out += Json(name).dump(-1, ' ', false, Json::error_handler_t::replace) + ": ";
      write(value, indent, level + 1, out);
    } else {
      write(config.as_array()[i], indent, level + 1, out);
    }
  }
  if (count > 0) line_break(level);
  out += object ? '}' : ']';
}

}  // namespace

Config parse_json(std::string_view text, std::string_view where, const JsonLimits& limits) {
  const size_t nul = text.find('\0');  // nlohmann's lexer takes it for the end
  check<DataError>(nul == std::string_view::npos, "[{}] expected JSON, got a NUL at byte {}", {where, nul});
  Reader reader(where, limits);
  const bool done = Json::sax_parse(text.begin(), text.end(), &reader);
  check<DataError>(done, "[{}] expected JSON", {where});
  return std::move(reader.result);
}

std::string to_json(const Config& config, int indent) {
  std::string text;
  write(config, indent, 0, text);
  return text;
}

}  // namespace alloy
