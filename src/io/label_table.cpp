// SPDX-License-Identifier: Apache-2.0
#include <alloy/io/file.hpp>
#include <alloy/io/label_table.hpp>

#include "io/detail/message.hpp"

#include <charconv>
#include <set>

namespace alloy {

namespace {

constexpr uint64_t kMaxBytes = 1 << 20;
constexpr size_t kMaxLabels = 65536, kMaxName = 256;
constexpr std::string_view kSpace = " \t\r";

std::string_view next_word(std::string_view& line) {
  const size_t start = std::min(line.find_first_not_of(kSpace), line.size());
  const size_t stop = std::min(line.find_first_of(kSpace, start), line.size());
  const std::string_view word = line.substr(start, stop - start);
  line.remove_prefix(stop);
  return word;
}

}  // namespace

std::vector<AtlasLabel> parse_label_table(std::string_view text, std::string_view where) {
  check<DataError>(text.size() <= kMaxBytes, "[{}] expected at most {} bytes, got {}", {where, kMaxBytes, text.size()});
  std::vector<AtlasLabel> labels;
  std::set<int64_t> seen;
  for (int64_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::string shown = detail::shown(line);
    const std::string_view value = next_word(line), name = next_word(line);
    if (value.empty() || value.front() == '#') continue;
    AtlasLabel label{.value = 0, .name = std::string(name)};
    const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), label.value);
    check<DataError>(error == std::errc() && stop == value.data() + value.size() && label.value >= 0 && !name.empty() && name.size() <= kMaxName,
                     "[{}:{}] expected a label >= 0 and a name of at most {} bytes, got '{}'", {where, number, kMaxName, shown});
    for (const char c : name)
      check<DataError>(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "[{}:{}] expected a name without control characters, got '{}'",
                       {where, number, shown});
    check<DataError>(seen.insert(label.value).second, "[{}:{}] expected each label once, got {} again", {where, number, label.value});
    check<DataError>(labels.size() < kMaxLabels, "[{}:{}] expected at most {} labels, got more", {where, number, kMaxLabels});
    labels.push_back(std::move(label));
  }
  check<DataError>(!labels.empty(), "[{}] expected at least one label, got none", {where});
  return labels;
}

std::vector<AtlasLabel> read_label_table(const std::filesystem::path& path) {
  return parse_label_table(read_text_file(path, kMaxBytes), path.string());
}

}  // namespace alloy
