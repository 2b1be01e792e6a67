// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A closed set of words and how each is pronounced: what a small speech recogniser knows. Words are made of units
/// (phonemes, or letters where spelling is close to sound); unit 0 is the blank of CTC.

#include <alloy/core/options.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace alloy {

struct LexiconWord {
  std::string word = {};
  std::string units = {};
  std::string say = {};
  static void describe(auto& self, auto&& field) {
    field("word", self.word, "as it stands in a transcript: lower case, no white space");
    field("units", self.units, "its units with spaces between them, such as `S IH K S`");
    field("say", self.say, "how to write it for a speech synthesiser, such as `bee` for the letter b; empty = as the word");
  }
};

struct LexiconOptions {
  std::vector<LexiconWord> words = {};
  static void describe(auto& self, auto&& field) { field("words", self.words, "at least one, no word twice"); }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// English numbers (zero to twenty, the tens, hundred, thousand), the names of the letters, days and months: 75 words, in
/// phonemes of the ARPAbet without stress.
ALLOY_API LexiconOptions english_lexicon();

/// Immutable after construction; any number of threads may share one.
class ALLOY_API Lexicon {
 public:
  using Options = LexiconOptions;
  static constexpr auto kName = "lexicon";
  static constexpr int64_t kBlank = 0;

  /// @throws ConfigError
  explicit Lexicon(LexiconOptions options);

  /// Units in order of the alphabet behind the blank, which is called `<blank>`.
  const std::vector<std::string>& units() const { return units_; }
  int64_t num_units() const { return static_cast<int64_t>(units_.size()); }
  std::vector<std::string> words() const;

  /// The words of a text: lower case, split at white space, without punctuation at either end.
  /// @throws DataError naming every word that is not known, and those that are; also for a text without words
  std::vector<std::string> split(std::string_view text) const;
  /// Units of a word, 1..num_units()-1. @throws DataError as `split`
  const std::vector<int64_t>& units_of(std::string_view word) const;
  /// Units of words in a row: the target of CTC.
  std::vector<int64_t> targets(const std::vector<std::string>& words) const;

  const LexiconOptions& options() const { return options_; }

 private:
  LexiconOptions options_;
  std::vector<std::string> units_;
  std::map<std::string, std::vector<int64_t>, std::less<>> words_;
};

}  // namespace alloy
