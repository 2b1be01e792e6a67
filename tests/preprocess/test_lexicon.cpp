// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/preprocess/lexicon.hpp>

#include <algorithm>
#include <set>

using namespace alloy;

namespace {

const LexiconOptions kSmall{.words = {{"no", "N OW", ""}, {"one", "W AH N", "won"}, {"b", "B IY", "bee"}}};

}  // namespace

TEST_CASE("a lexicon gives words their units", "[preprocess]") {
  const Lexicon lexicon(kSmall);
  CHECK(lexicon.units() == std::vector<std::string>{"<blank>", "AH", "B", "IY", "N", "OW", "W"});
  CHECK(lexicon.num_units() == 7);
  CHECK(lexicon.units_of("one") == std::vector<int64_t>{6, 1, 4});
  CHECK(lexicon.targets({"no", "no", "b"}) == std::vector<int64_t>{4, 5, 4, 5, 2, 3});
  CHECK(lexicon.words() == std::vector<std::string>{"no", "one", "b"});
  CHECK(to_config(lexicon.options()) == to_config(from_config<LexiconOptions>(to_config(kSmall))));
}

TEST_CASE("a text is split into known words", "[preprocess]") {
  const Lexicon lexicon(kSmall);
  CHECK(lexicon.split("  No, one\n(B) -- no!") == std::vector<std::string>{"no", "one", "b", "no"});
  CHECK_THROWS_WITH(lexicon.split("one apple, two APPLE no"), ContainsSubstring("got apple, two; known: no, one, b"));
  CHECK_THROWS_AS(lexicon.split(" , "), DataError);
  CHECK_THROWS_AS(lexicon.units_of("One"), DataError);
}

TEST_CASE("a lexicon refuses what is none", "[preprocess]") {
  const auto refused = [](LexiconWord word) { return LexiconOptions{.words = {{"no", "N OW", ""}, std::move(word)}}; };
  CHECK_THROWS_WITH(Lexicon(refused({"no", "N", ""})), ContainsSubstring("'no' twice"));
  CHECK_THROWS_WITH(Lexicon(refused({"yes", "  ", ""})), ContainsSubstring("at least one unit for 'yes'"));
  for (const char* word : {"", "Yes", "two words", "yes!"}) CHECK_THROWS_AS(Lexicon(refused({word, "Y", ""})), ConfigError);
  CHECK_THROWS_AS(Lexicon(LexiconOptions{}), ConfigError);
}

TEST_CASE("the English lexicon", "[preprocess]") {
  const Lexicon lexicon(english_lexicon());
  const std::vector<std::string> words = lexicon.words();
  CHECK(words.size() == 75);
  CHECK(lexicon.split("Seven Monday B, October twenty") == std::vector<std::string>{"seven", "monday", "b", "october", "twenty"});
  for (char c = 'a'; c <= 'z'; ++c) CHECK(std::ranges::find(words, std::string(1, c)) != words.end());
  std::set<std::vector<int64_t>> sounds;  // words that sound alike could not be told apart
  for (const std::string& word : words) sounds.insert(lexicon.units_of(word));
  CHECK(sounds.size() == words.size());
  const std::set<std::string> arpabet = {"<blank>", "AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY",
                                         "F",       "G",  "HH", "IH", "IY", "JH", "K",  "L", "M",  "N", "NG", "OW", "OY", "P",
                                         "R",       "S",  "SH", "T",  "TH", "UH", "UW", "V", "W",  "Y", "Z",  "ZH"};
  for (const std::string& unit : lexicon.units()) CHECK(arpabet.contains(unit));
}
