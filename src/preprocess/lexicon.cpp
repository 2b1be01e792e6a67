// SPDX-License-Identifier: Apache-2.0
#include <alloy/preprocess/lexicon.hpp>

#include <algorithm>
#include <set>

namespace alloy {

namespace {

constexpr std::string_view kSpace = " \t\n\r\v\f";
constexpr std::string_view kPunctuation = ".,;:!?\"'()[]{}<>-";

std::vector<std::string> parts_of(std::string_view text) {
  std::vector<std::string> parts;
  for (size_t begin = text.find_first_not_of(kSpace); begin != std::string_view::npos;) {
    const size_t end = std::min(text.find_first_of(kSpace, begin), text.size());
    parts.emplace_back(text.substr(begin, end - begin));
    begin = text.find_first_not_of(kSpace, end);
  }
  return parts;
}

/// Lower case (of ASCII) without punctuation at either end; empty if there is nothing else.
std::string plain(std::string_view part) {
  const size_t begin = part.find_first_not_of(kPunctuation);
  if (begin == std::string_view::npos) return {};
  std::string word(part.substr(begin, part.find_last_not_of(kPunctuation) - begin + 1));
  for (char& c : word)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return word;
}

}  // namespace

void LexiconOptions::validate() const {
  check<ConfigError>(!words.empty(), "[Lexicon] expected at least one word, got none");
  std::set<std::string> seen;
  for (const LexiconWord& entry : words) {
    check<ConfigError>(!entry.word.empty() && plain(entry.word) == entry.word && entry.word.find_first_of(kSpace) == std::string::npos,
                       "[Lexicon] expected words in lower case without white space and without punctuation at either end, got '{}'", {entry.word});
    check<ConfigError>(!parts_of(entry.units).empty(), "[Lexicon] expected at least one unit for '{}', got none", {entry.word});
    check<ConfigError>(seen.insert(entry.word).second, "[Lexicon] expected each word once, got '{}' twice", {entry.word});
  }
}

Lexicon::Lexicon(LexiconOptions options) : options_(std::move(options)) {
  options_.validate();
  std::set<std::string> names;
  for (const LexiconWord& entry : options_.words)
    for (const std::string& unit : parts_of(entry.units)) names.insert(unit);
  units_ = {"<blank>"};
  units_.insert(units_.end(), names.begin(), names.end());
  for (const LexiconWord& entry : options_.words) {
    std::vector<int64_t>& ids = words_[entry.word];
    for (const std::string& unit : parts_of(entry.units)) ids.push_back(1 + std::distance(names.begin(), names.find(unit)));
  }
}

std::vector<std::string> Lexicon::words() const {
  std::vector<std::string> words;
  for (const LexiconWord& entry : options_.words) words.push_back(entry.word);
  return words;
}

std::vector<std::string> Lexicon::split(std::string_view text) const {
  std::vector<std::string> words, unknown;
  for (const std::string& part : parts_of(text)) {
    std::string word = plain(part);
    if (word.empty()) continue;
    if (!words_.contains(word) && std::ranges::find(unknown, word) == unknown.end()) unknown.push_back(word);
    words.push_back(std::move(word));
  }
  check<DataError>(unknown.empty(), "[Lexicon] expected words that the model knows, got {}; known: {}", {unknown, this->words()});
  check<DataError>(!words.empty(), "[Lexicon] expected a text with words, got '{}'; known: {}", {text, this->words()});
  return words;
}

const std::vector<int64_t>& Lexicon::units_of(std::string_view word) const {
  const auto found = words_.find(word);
  check<DataError>(found != words_.end(), "[Lexicon] expected words that the model knows, got {}; known: {}", {word, words()});
  return found->second;
}

std::vector<int64_t> Lexicon::targets(const std::vector<std::string>& words) const {
  std::vector<int64_t> ids;
  for (const std::string& word : words) {
    const std::vector<int64_t>& more = units_of(word);
    ids.insert(ids.end(), more.begin(), more.end());
  }
  return ids;
}

}  // namespace alloy
