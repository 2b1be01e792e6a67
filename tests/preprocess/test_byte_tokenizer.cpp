// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core/json.hpp>
#include <alloy/core/random.hpp>
#include <alloy/preprocess/byte_tokenizer.hpp>

#include <array>

using namespace alloy;
using Ids = std::vector<int64_t>;
using std::string_literals::operator""s;

namespace {

std::string decoded(const std::string& bytes) {
  Ids ids;
  for (const char byte : bytes) ids.push_back(ByteTokenizer::kFirstByteId + static_cast<uint8_t>(byte));
  return ByteTokenizer().decode(ids);
}

}  // namespace

TEST_CASE("malformed UTF-8 is replaced", "[preprocess]") {
  // expected: Python 3.11, bytes.decode("utf-8", "replace")
  const std::string R = "\xEF\xBF\xBD";
  const std::vector<std::pair<std::string, std::string>> corpus = {
      {"", ""},
      {"a\0b"s, "a\0b"s},
      {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
      {"\x80", R},
      {"\xFF\xFE", R + R},
      {"\xC0\xAF", R + R},                  // overlong '/'
      {"\xC1\xBF", R + R},
      {"\xE0\x80\xAF", R + R + R},          // overlong, three bytes
      {"\xE0\xA0", R},                      // cut after a good start: one replacement
      {"\xF0\x80\x80\xAF", R + R + R + R},  // overlong, four bytes
      {"\xED\xA0\x80", R + R + R},          // surrogate
      {"\xED\x9F\xBF", "\xED\x9F\xBF"},     // the last before the surrogates
      {"\xF4\x90\x80\x80", R + R + R + R},  // above U+10FFFF
      {"\xF4\x8F\xBF\xBF", "\xF4\x8F\xBF\xBF"},
      {"\xF5\x80\x80\x80", R + R + R + R},
      {"\xF0\x9F\x98", R},
      {"\xF0\x9F\x98" "a", R + "a"},
      {"\xE2\x82" "\xE2\x82\xAC", R + "\xE2\x82\xAC"},
      {"\xC3", R},
      {"\xC3(", R + "("},
      {"\xF1\x80\x41", R + "A"},
      {"\xEF\xBB\xBF", "\xEF\xBB\xBF"},  // a byte order mark is a character
  };
  for (const auto& [in, out] : corpus) {
    CAPTURE(in);
    CHECK(decoded(in) == out);
    CHECK(ByteTokenizer().decode(ByteTokenizer().encode(in)) == out);
  }
  SECTION("random bytes become stable text in which nothing more is replaced") {
    Random random(1);
    for (int round = 0; round < 2000; ++round) {
      std::string text;
      for (int64_t i = random.below(40); i > 0; --i) {
        static constexpr std::array<uint8_t, 12> kLikely = {0xE0, 0xED, 0xF0, 0xF4, 0xC2, 0x80, 0xBF, 0x90, 0x9F, 0xA0, 'a', 0};
        text += static_cast<char>(random.chance(0.7) ? kLikely[static_cast<size_t>(random.below(12))] : random.below(256));
      }
      const std::string once = decoded(text);
      CHECK(decoded(once) == once);
      CHECK(ByteTokenizer().decode(ByteTokenizer().encode(text)) == once);
    }
  }
}

TEST_CASE("ByteTokenizer", "[preprocess]") {
  const ByteTokenizer tokenizer;
  const ByteTokenizer bare({.max_length = 8, .add_begin_end = false});
  SECTION("a byte b is id 4 + b, between begin and end") {
    CHECK(tokenizer.encode("aé") == Ids{1, 4 + 'a', 4 + 0xC3, 4 + 0xA9, 2});
    CHECK(tokenizer.encode("\0"s) == Ids{1, 4, 2});
    CHECK(ByteTokenizer::vocab_size() == 260);
  }
  SECTION("empty texts have a token") {
    CHECK(tokenizer.encode("") == Ids{1, 2});
    CHECK(bare.encode("") == Ids{2});
    const TokenBatch batch = bare.encode_batch(std::vector<std::string>{"", "abc"});
    CHECK_THAT(batch.ids, SameBits(torch::tensor({{2, 0, 0}, {4 + 'a', 4 + 'b', 4 + 'c'}}, torch::kLong)));
    CHECK_THAT(batch.mask, SameBits(torch::tensor({{true, false, false}, {true, true, true}})));
    CHECK_THROWS_AS(bare.encode_batch({}), ShapeError);
  }
  SECTION("a cut keeps the end token and whole characters") {
    const ByteTokenizer eight({.max_length = 8});
    CHECK(eight.encode("abcdefgh") == Ids{1, 101, 102, 103, 104, 105, 106, 2});
    CHECK(eight.encode("abcdeé") == Ids{1, 101, 102, 103, 104, 105, 2});  // é would take bytes 6 and 7
    CHECK(eight.encode("abcde\xFF").size() == 7);                         // so would the three bytes of its replacement
    CHECK(eight.decode(eight.encode("ab😀c")) == "ab😀");
    CHECK(bare.encode("abcd😀e").size() == 8);
  }
  SECTION("decode gives the text back and leaves out what is no byte") {
    const std::string text = "NUL \0, é, 中, 😀, e\u0301"s;
    CHECK(tokenizer.decode(tokenizer.encode(text)) == text);
    CHECK(tokenizer.decode(Ids{1, 3, 4 + 'x', 0, 2, 0}) == "x");
    CHECK(tokenizer.decode(Ids{4 + 0xC3}) == "\xEF\xBF\xBD");
    CHECK(tokenizer.decode({}).empty());
    CHECK_THROWS_WITH(tokenizer.decode(Ids{5, 260}), ContainsSubstring("0..259, got 260 at 1"));
    CHECK_THROWS_AS(tokenizer.decode(Ids{-1}), DataError);
  }
  SECTION("hostile texts give valid tokens up to the cap") {
    const ByteTokenizer wide({.max_length = ByteTokenizer::kMaxTokens});
    std::string marks, joined;
    for (int i = 0; i < 1'000'000; ++i) marks += "\u0301";
    for (int i = 0; i < 100'000; ++i) joined += "👩\u200D👩\u200D👧";
    const std::vector<std::string> texts = {std::string(10'000'000, 'a'), std::string(10'000'000, '\xFF'), marks, joined, std::string(1000, '\0')};
    const TokenBatch batch = wide.encode_batch(texts);
    CHECK(batch.ids.size(1) == ByteTokenizer::kMaxTokens);
    CHECK(batch.ids.min().item<int64_t>() >= 0);
    CHECK(batch.ids.max().item<int64_t>() < 260);
    CHECK(batch.mask.any(1).all().item<bool>());
    CHECK(wide.encode(texts[1]).size() == static_cast<size_t>((ByteTokenizer::kMaxTokens - 2) / 3 * 3 + 2));
  }
  SECTION("options are checked and survive a config") {
    CHECK_THROWS_WITH(ByteTokenizer({.max_length = 1}), ContainsSubstring("max_length in 8..1048576, got 1"));
    CHECK_THROWS_AS(ByteTokenizer({.max_length = (1 << 20) + 1}), ConfigError);
    const auto options = from_config<ByteTokenizerOptions>(to_config(bare.options()));
    CHECK((options.max_length == 8 && !options.add_begin_end));
  }
}
