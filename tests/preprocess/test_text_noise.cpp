// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/preprocess/text_noise.hpp>

#include <algorithm>

using namespace alloy;

namespace {

std::string letters(int64_t count) {
  Random random(99);
  std::string text;
  for (int64_t i = 0; i < count; ++i) text += static_cast<char>((random.chance(0.5) ? 'a' : 'A') + random.below(26));
  return text;
}

// Whether two keys touch, from where they lie: each row starts a little further right than the one above.
bool touch(char a, char b) {
  const std::array<std::pair<std::string, double>, 3> rows = {{{"qwertyuiop", 0.0}, {"asdfghjkl", 0.25}, {"zxcvbnm", 0.75}}};
  const auto place = [&](char key) {
    for (size_t r = 0; r < 3; ++r)
      if (const size_t i = rows[r].first.find(static_cast<char>(std::tolower(key))); i != std::string::npos)
        return std::pair(static_cast<double>(i) + rows[r].second, static_cast<double>(r));
    return std::pair(-9.0, -9.0);
  };
  const auto [ax, ay] = place(a);
  const auto [bx, by] = place(b);
  return a != b && std::abs(ay - by) <= 1 && std::abs(ax - bx) <= (ay == by ? 1.0 : 0.75);
}

}  // namespace

TEST_CASE("add_typing_errors", "[preprocess]") {
  const std::string text = letters(20'000);
  Random random(1);
  SECTION("neighbours touch, keep their case and come at the rate asked for") {
    const std::string typed = add_typing_errors(text, {.percent = 10, .kinds = {TypingError::neighbour}}, random);
    REQUIRE(typed.size() == text.size());
    int64_t wrong = 0;
    std::array<int, 26> hit{};
    for (size_t i = 0; i < text.size(); ++i) {
      if (typed[i] == text[i]) continue;
      ++wrong;
      ++hit[static_cast<size_t>(std::tolower(typed[i]) - 'a')];
      REQUIRE(touch(text[i], typed[i]));
      REQUIRE((std::islower(text[i]) != 0) == (std::islower(typed[i]) != 0));
    }
    CHECK_THAT(static_cast<double>(wrong) / 20'000, WithinAbs(0.10, 0.01));
    CHECK(std::ranges::count(hit, 0) == 0);  // every letter is a neighbour of some other
  }
  SECTION("transpositions keep the characters, omissions and doublings change their number") {
    const std::string swapped = add_typing_errors("abcdefgh", {.percent = 100, .kinds = {TypingError::transposition}}, random);
    CHECK(swapped == "badcfehg");
    CHECK(add_typing_errors("aab", {.percent = 100, .kinds = {TypingError::transposition}}, random) == "aba");
    const auto size_after = [&](TypingError kind) {
      return static_cast<double>(add_typing_errors(text, {.percent = 20, .kinds = {kind}}, random).size()) / 20'000;
    };
    CHECK_THAT(size_after(TypingError::omission), WithinAbs(0.8, 0.015));
    CHECK_THAT(size_after(TypingError::doubling), WithinAbs(1.2, 0.015));
    CHECK(add_typing_errors("a€", {.percent = 100, .kinds = {TypingError::doubling}}, random) == "aa€€");
  }
  SECTION("whole characters only, whatever the text") {
    CHECK(add_typing_errors("é€😀", {.percent = 100, .kinds = {TypingError::neighbour}}, random) == "é€😀");
    CHECK(add_typing_errors("é€😀!", {.percent = 100, .kinds = {TypingError::transposition}}, random) == "€é!😀");
    CHECK(add_typing_errors("a\xFF", {.percent = 0}, random) == "a\xEF\xBF\xBD");
    for (int round = 0; round < 500; ++round) {
      std::string bytes;
      for (int64_t i = random.below(20); i > 0; --i) bytes += static_cast<char>(random.below(256));
      const std::string typed = add_typing_errors(bytes, {.percent = 50}, random);
      CHECK(add_typing_errors(typed, {.percent = 0}, random) == typed);  // already valid
      CHECK(typed.empty() == bytes.empty());
    }
  }
  SECTION("no text becomes empty") {
    CHECK(add_typing_errors("abc", {.percent = 100, .kinds = {TypingError::omission}}, random) == "c");
    CHECK(add_typing_errors("", {.percent = 100}, random).empty());
  }
  SECTION("zero changes nothing; a seed gives the same errors on every machine") {
    CHECK(add_typing_errors(text, {.percent = 0}, random) == text);
    Random a(42), b(42), c(43);
    const std::string_view fox = "The quick brown fox jumps over the lazy dog";
    const std::string typed = add_typing_errors(fox, {.percent = 15}, a);
    CHECK(typed == add_typing_errors(fox, {.percent = 15}, b));
    CHECK(typed != add_typing_errors(fox, {.percent = 15}, c));
    CHECK(typed == "The uick brownf i xjmups over th elzy do");
  }
  SECTION("options are checked") {
    CHECK_THROWS_WITH(add_typing_errors("a", {.percent = 101}, random), ContainsSubstring("percent in 0..100, got 101"));
    CHECK_THROWS_AS(add_typing_errors("a", {.percent = NAN}, random), ConfigError);
    CHECK_THROWS_AS(add_typing_errors("a", {.kinds = {}}, random), ConfigError);
    const TypingErrorOptions options{.percent = 7.5, .kinds = {TypingError::omission}};
    CHECK(to_config(from_config<TypingErrorOptions>(to_config(options))) == to_config(options));
  }
}
