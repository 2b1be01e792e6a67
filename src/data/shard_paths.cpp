// SPDX-License-Identifier: Apache-2.0
#include <alloy/core/check.hpp>
#include <alloy/data/shard_paths.hpp>

#include <algorithm>
#include <charconv>
#include <optional>

namespace alloy {

namespace {

constexpr size_t kMaxNames = 1'000'000;

std::optional<int64_t> number_of(std::string_view digits) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool is_number = !digits.empty() && digits.front() != '-' && error == std::errc() && end == digits.data() + digits.size();
  return is_number && value <= INT32_MAX ? std::optional(value) : std::nullopt;
}

void check_count(size_t count, const std::string& name) {
  check<ConfigError>(count <= kMaxNames, "[expand_shards] expected at most {} names from '{}', got more", {kMaxNames, name});
}

/// `000..009`
std::optional<std::vector<std::string>> range_of(std::string_view body, const std::string& name) {
  const size_t dots = body.find("..");
  if (dots == std::string_view::npos) return std::nullopt;
  const std::string_view first = body.substr(0, dots), last = body.substr(dots + 2);
  const auto from = number_of(first), to = number_of(last);
  if (!from || !to) return std::nullopt;
  check_count(static_cast<size_t>(std::max(*from, *to) - std::min(*from, *to)) + 1, name);
  const auto is_padded = [](std::string_view digits) { return digits.size() > 1 && digits.front() == '0'; };
  const size_t width = is_padded(first) || is_padded(last) ? std::max(first.size(), last.size()) : 0;
  std::vector<std::string> words;
  for (int64_t n = *from;; n += *from <= *to ? 1 : -1) {
    std::string word = std::to_string(n);
    if (word.size() < width) word.insert(0, width - word.size(), '0');
    words.push_back(std::move(word));
    if (n == *to) return words;
  }
}

/// `train,valid`
std::optional<std::vector<std::string>> list_of(std::string_view body) {
  if (body.find(',') == std::string_view::npos) return std::nullopt;
  std::vector<std::string> words;
  for (size_t begin = 0; begin <= body.size();) {
    const size_t end = std::min(body.find(',', begin), body.size());
    words.emplace_back(body.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

std::vector<std::string> expand_braces(const std::string& name) {
  std::vector<std::string> names = {""};
  for (size_t at = 0; at < name.size();) {
    const size_t open = std::min(name.find_first_of("{}", at), name.size());
    for (std::string& start : names) start += name.substr(at, open - at);
    if (open == name.size()) break;
    const size_t close = name.find_first_of("{}", open + 1);
    const bool is_pair = name[open] == '{' && close != std::string::npos && name[close] == '}';
    const std::string body = is_pair ? name.substr(open + 1, close - open - 1) : std::string();
    auto words = range_of(body, name);
    if (!words) words = list_of(body);
    check<ConfigError>(is_pair && words, "[expand_shards] expected braces as in {000..009} or {a,b}, got '{}'", {name});
    check_count(names.size() * words->size(), name);
    std::vector<std::string> longer;
    for (const std::string& start : names)
      for (const std::string& word : *words) longer.push_back(start + word);
    names = std::move(longer);
    at = close + 1;
  }
  return names;
}

}  // namespace

std::vector<std::filesystem::path> expand_shards(const std::vector<std::string>& names) {
  std::vector<std::filesystem::path> paths;
  for (const std::string& pattern : names) {
    for (const std::string& name : expand_braces(pattern)) {
      std::error_code unknown;
      if (!std::filesystem::is_directory(name, unknown)) {
        paths.emplace_back(name);
        continue;
      }
      const auto first = static_cast<std::ptrdiff_t>(paths.size());
      for (const auto& entry : std::filesystem::directory_iterator(name))
        if (entry.path().extension() == ".tar") paths.push_back(entry.path());
      check<ConfigError>(static_cast<std::ptrdiff_t>(paths.size()) > first, "[expand_shards] expected *.tar files in the folder {}, got none", {name});
      std::sort(paths.begin() + first, paths.end());
    }
  }
  return paths;
}

}  // namespace alloy
