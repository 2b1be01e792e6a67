// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core/random.hpp>
#include <alloy/preprocess/hashed_ngrams.hpp>

#include <algorithm>
#include <ctime>
#include <limits>

using namespace alloy;
using Ids = std::vector<int64_t>;
using std::string_literals::operator""s;

namespace {

/// The hash as its documentation has it, by long multiplication.
int64_t id_of(char kind, const std::string& bytes, int64_t buckets = 1 << 16) {
  const auto times = [](uint64_t a, uint64_t b) {
    uint64_t sum = 0;
    for (int bit = 0; bit < 64; ++bit)
      if ((b >> bit) % 2 == 1) sum += a << bit;
    return sum;
  };
  uint64_t h = 14695981039346656037u;
  for (const char byte : kind + bytes) h = times(h ^ static_cast<uint64_t>(static_cast<unsigned char>(byte)), 1099511628211u);
  h = times(h ^ (h / (1u << 30)), 13787848793156543929u);
  h = times(h ^ (h / (1u << 27)), 10723151780598845931u);
  h ^= h / (1u << 31);
  return 1 + static_cast<int64_t>(h % static_cast<uint64_t>(buckets));
}

Ids ids_of(std::initializer_list<std::pair<char, const char*>> parts) {
  Ids ids;
  for (const auto& [kind, text] : parts) ids.push_back(id_of(kind, text));
  return ids;
}

bool all_valid(const Ids& ids, const HashedNgrams& ngrams) {
  return !ids.empty() && std::ssize(ids) <= ngrams.options().max_ids &&
         std::ranges::all_of(ids, [&](int64_t id) { return id >= 1 && id < ngrams.vocab_size(); });
}

}  // namespace

TEST_CASE("HashedNgrams", "[preprocess]") {
  const HashedNgrams ngrams;
  SECTION("a word, then the n-grams of it between marks") {
    CHECK(ngrams.encode("cat") == ids_of({{'w', "cat"}, {'n', "<ca"}, {'n', "<cat"}, {'n', "cat"}, {'n', "cat>"}, {'n', "at>"}}));
    CHECK(ngrams.encode("I") == ids_of({{'w', "i"}, {'n', "<i>"}}));
    CHECK(HashedNgrams({.words = false}).encode("at") == ids_of({{'n', "<at"}, {'n', "<at>"}, {'n', "at>"}}));
    CHECK(HashedNgrams({.max_n = 0}).encode("a cat, a hat") == ids_of({{'w', "a"}, {'w', "cat"}, {'w', "a"}, {'w', "hat"}}));
    CHECK(HashedNgrams({.min_n = 1, .max_n = 1}).encode("ab") == ids_of({{'w', "ab"}, {'n', "<"}, {'n', "a"}, {'n', "b"}, {'n', ">"}}));
    CHECK(id_of('w', "cat") != id_of('n', "cat"));
  }
  SECTION("the hash never changes") {  // computed by a program of its own, in Python
    CHECK(HashedNgrams({.max_n = 0}).encode("cat") == Ids{31865});
    CHECK(HashedNgrams({.buckets = 1 << 24, .max_n = 0}).encode("grinning été 笑") == Ids{14954025, 13930406, 10162280});
    CHECK(HashedNgrams({.buckets = 2, .max_n = 0}).encode("cat").front() == 1 + (31865 - 1) % 2);
  }
  SECTION("characters are code points, not bytes") {
    CHECK(ngrams.encode("né") == ids_of({{'w', "né"}, {'n', "<né"}, {'n', "<né>"}, {'n', "né>"}}));
    CHECK(ngrams.encode("笑脸") == ids_of({{'w', "笑脸"}, {'n', "<笑脸"}, {'n', "<笑脸>"}, {'n', "笑脸>"}}));
  }
  SECTION("forms of the same text are the same") {
    const HashedNgrams words({.max_n = 0});
    CHECK(words.encode("CAFÉ") == words.encode("cafe\u0301"));
    CHECK(words.encode("Straße") == words.encode("STRASSE"));
    CHECK(words.encode("ﬁne №５") == words.encode("fine no5"));
    CHECK(words.encode("so\u00ADft") == words.encode("soft"));
    CHECK(words.encode("don't  stop!") == words.encode("don t stop"));
    CHECK(words.encode("rock\u00B4n") == words.encode("rock n"));    // an accent alone becomes a space and a mark
    CHECK(words.encode("a=\u0338b") == words.encode("a b"));         // so does "not equal", written as two
    CHECK(words.encode("हिन्दी").size() == 1);                         // vowel signs are marks inside a word
    CHECK(words.encode("Cat") != HashedNgrams({.max_n = 0, .fold_case = false}).encode("Cat"));
    CHECK(HashedNgrams({.max_n = 0, .fold_case = false}).encode("cat") == words.encode("cat"));
  }
  SECTION("a text without words has an id of its own") {
    for (const std::string& text : {""s, " "s, "!?"s, "\0\0"s, "\xFF\xFE"s, "👩\u200D👩\u200D👧"s, "❤\uFE0F"s, "\u0301\u0302"s})
      CHECK(ngrams.encode(text) == Ids{(1 << 16) + 1});
    CHECK(ngrams.empty_id() == (1 << 16) + 1);
    CHECK(ngrams.vocab_size() == (1 << 16) + 2);
  }
  SECTION("a text is cut where it has enough ids") {
    const Ids all = ngrams.encode("the quick brown fox");
    Ids five = all;
    five.resize(5);
    CHECK(HashedNgrams({.max_ids = 5}).encode("the quick brown fox") == five);
    CHECK(HashedNgrams({.max_ids = std::ssize(all)}).encode("the quick brown fox jumps") == all);
  }
  SECTION("a run without end is several words") {
    const HashedNgrams words({.max_n = 0});
    CHECK(words.encode(std::string(300, 'a')) == Ids{id_of('w', std::string(128, 'a')), id_of('w', std::string(128, 'a')), id_of('w', std::string(44, 'a'))});
  }
  SECTION("batches are padded with 0") {
    const TokenBatch batch = HashedNgrams({.max_n = 0}).encode_batch(std::vector<std::string>{"", "a b"});
    CHECK_THAT(batch.ids, SameBits(torch::tensor({{(1 << 16) + 1, 0}, {static_cast<int>(id_of('w', "a")), static_cast<int>(id_of('w', "b"))}}, torch::kLong)));
    CHECK_THAT(batch.mask, SameBits(torch::tensor({{true, false}, {true, true}})));
    CHECK_THROWS_AS(ngrams.encode_batch({}), ShapeError);
  }
  SECTION("options are checked and survive a config") {
    CHECK_THROWS_WITH(HashedNgrams({.buckets = 1000}), ContainsSubstring("a power of two in 2..16777216, got 1000"));
    CHECK_THROWS_WITH(HashedNgrams({.min_n = 5}), ContainsSubstring("min_n 5 and max_n 4"));
    CHECK_THROWS_AS(HashedNgrams({.max_n = 0, .words = false}), ConfigError);
    CHECK_THROWS_AS(HashedNgrams({.max_ids = 0}), ConfigError);
    const HashedNgramsOptions options{.buckets = 512, .min_n = 2, .words = false};
    CHECK(to_config(from_config<HashedNgramsOptions>(to_config(options))) == to_config(options));
  }
}

TEST_CASE("ids are spread evenly", "[preprocess]") {
  // 4,096 texts in 64 buckets: chi-squared with 63 degrees of freedom is below 117 but for 4 cases in 100,000.
  const HashedNgrams ngrams({.buckets = 64, .max_n = 0});
  std::vector<int64_t> hits(64);
  for (int i = 0; i < 4096; ++i) ++hits[static_cast<size_t>(ngrams.encode("w" + std::to_string(i)).front() - 1)];
  double chi_squared = 0;
  for (const int64_t n : hits) chi_squared += static_cast<double>((n - 64) * (n - 64)) / 64;
  CHECK(chi_squared < 117);
}

TEST_CASE("hostile texts give valid ids in linear time", "[preprocess]") {
  const HashedNgrams usual, wide({.max_n = 0, .max_ids = 1 << 20});
  std::string marks, mixed, hidden, joined, noise;
  for (int i = 0; i < 1'000'000; ++i) marks += "\u0301";
  for (int i = 0; i < 50'000; ++i) mixed += "\u0301\u0316";  // two classes, which are sorted
  for (int i = 0; i < 50'000; ++i) hidden += "\u0F73";       // a starter that becomes two marks
  for (int i = 0; i < 20'000; ++i) joined += "👩\u200D👩\u200D👧";
  Random random(1);
  for (int i = 0; i < 200'000; ++i) noise += static_cast<char>(random.below(256));
  const std::vector<std::string> texts = {std::string(10'000'000, 'a'), std::string(200'000, ' '), std::string(200'000, '\0'), std::string(200'000, '\xFF'),
                                          "a" + marks, marks.substr(0, 200'000), "a" + mixed, "a" + hidden, joined, noise};
  for (size_t i = 0; i < texts.size(); ++i) {
    CAPTURE(i);
    CHECK(all_valid(usual.encode(texts[i]), usual));
    if (i != 0) CHECK(all_valid(wide.encode(texts[i]), wide));  // reads it all
  }
  // Four times as long takes four times the processor's time; quadratic would be sixteen. The best of three counts.
  const auto ticks = [&](const std::string& text) {
    std::clock_t best = std::numeric_limits<std::clock_t>::max();
    for (int i = 0; i < 3; ++i) {
      const std::clock_t start = std::clock();
      wide.encode(text);
      best = std::min(best, std::clock() - start);
    }
    return best;
  };
  const std::string quarter = "a" + mixed.substr(0, 40'000), whole = "a" + mixed.substr(0, 160'000);
  CHECK(ticks(whole) < 8 * ticks(quarter));
}
