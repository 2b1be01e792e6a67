// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/tones.hpp"

#include <alloy/alignment/word_baselines.hpp>

using namespace alloy;

namespace {

std::vector<double> boundaries_of(const std::vector<WordSpan>& words) {
  std::vector<double> all;
  for (const WordSpan& word : words) all.push_back(word.time.start);
  all.push_back(words.back().time.stop);
  return all;
}

void check_close(const std::vector<double>& found, const std::vector<double>& expected, double margin = 0.012) {
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i) CHECK(found[i] == Approx(expected[i]).margin(margin));
}

}  // namespace

TEST_CASE("words of even length, and by letters, over the extent of the sound", "[alignment]") {
  const Audio audio = tones({{.seconds = 0.2}, {.seconds = 1.2, .hertz = 400}, {.seconds = 0.5}});
  check_close(boundaries_of(split_evenly(audio, {"a", "bcd", "ef"})), {0.2, 0.6, 1.0, 1.4});
  check_close(boundaries_of(split_by_letters(audio, {"a", "bcd", "ef"})), {0.2, 0.4, 1.0, 1.4});
  check_close(boundaries_of(split_by_letters(audio, {"\xC3\xA4", "bcd", "ef"})), {0.2, 0.4, 1.0, 1.4});  // one character of two bytes
  CHECK(split_evenly(audio, {"a", "bcd"})[1].text == "bcd");
  for (const auto& split : {split_evenly, split_by_letters}) CHECK_THROWS_AS(split(audio, {}), DataError);
}

TEST_CASE("boundaries in the deepest valleys", "[alignment]") {
  const Tone loud{.seconds = 0.3, .hertz = 400}, soft{.seconds = 0.05, .hertz = 400, .height = 0.1},
      softer{.seconds = 0.05, .hertz = 400, .height = 0.02};
  const Audio audio = tones({loud, softer, loud, soft, loud, softer, loud});  // 0.3, 0.65, 1.0 s: the valley in the middle is the shallowest
  check_close(boundaries_of(split_at_valleys(audio, {"a", "b", "c", "d"})), {0, 0.325, 0.675, 1.025, 1.35}, 0.03);
  check_close(boundaries_of(split_at_valleys(audio, {"a", "b", "c"})), {0, 0.325, 1.025, 1.35}, 0.03);
  check_close(boundaries_of(split_at_valleys(audio, {"a", "b"}, {.evenness_db = 200})), {0, 0.675, 1.35}, 0.03);  // drawn to even lengths
  check_close(boundaries_of(split_at_valleys(audio, {"a"})), {0, 1.35}, 0.03);
}

TEST_CASE("more words than valleys", "[alignment]") {
  const Audio audio = tones({{.seconds = 1.0, .hertz = 400}});
  const std::vector<double> all = boundaries_of(split_at_valleys(audio, {"a", "b", "c", "d", "e"}));
  for (size_t i = 1; i < all.size(); ++i) CHECK(all[i] - all[i - 1] >= 0.119);
  const std::vector<std::string> many(80, "a");  // no room for 80 words of 120 ms
  CHECK(split_at_valleys(audio, many).size() == 80);
  CHECK(split_at_valleys(tones({{.seconds = 0.05, .hertz = 400}}), many).size() == 80);
  CHECK_THROWS_AS(split_at_valleys(audio, {}), DataError);
  CHECK_THROWS_AS(split_at_valleys(audio, {"a"}, {.min_word_seconds = 0}), ConfigError);
  CHECK_THROWS_AS(split_at_valleys(audio, {"a"}, {.evenness_db = -1}), ConfigError);
}

TEST_CASE("the baselines by name", "[alignment]") {
  const Audio audio = tones({{.seconds = 0.3, .hertz = 400}, {.seconds = 0.05, .hertz = 400, .height = 0.02}, {.seconds = 0.9, .hertz = 400}});
  const std::vector<std::string> words = {"a", "bcd"};
  const auto all = word_baselines();
  REQUIRE(all.size() == 4);
  const std::vector<std::vector<WordSpan>> expected = {split_evenly(audio, words), split_by_letters(audio, words), split_at_valleys(audio, words),
                                                       split_at_valleys(audio, words, {.evenness_db = 20})};
  for (size_t i = 0; i < all.size(); ++i) check_close(boundaries_of(all[i].second(audio, words)), boundaries_of(expected[i]), 1e-12);
  CHECK(all[0].first == "uniform split");
}
