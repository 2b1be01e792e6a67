// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/installed.hpp"

#include "data/detail/alternating_words.hpp"
#include "data/detail/espeak.hpp"

#include <alloy/core/json.hpp>
#include <alloy/io/file.hpp>

#include <algorithm>
#include <set>

using namespace alloy;
using alloy::detail::find_alternating_words;
using alloy::detail::SampleRange;

namespace {

/// Two recordings of "words" of constant height: {silence before, length} each.
struct Pair {
  std::vector<float> first, second;
  void word(int64_t silence, int64_t length, bool loud_in_first, float height = 0.4F) {
    first.insert(first.end(), static_cast<size_t>(silence), 0.0F);
    second.insert(second.end(), static_cast<size_t>(silence), 0.0F);
    for (int64_t i = 0; i < length; ++i) {
      const float x = i % 2 == 0 ? height : -height;
      first.push_back(loud_in_first ? x : x / 2);
      second.push_back(loud_in_first ? x / 2 : x);
    }
  }
};

}  // namespace

TEST_CASE("words that alternate in loudness are found to the sample", "[data]") {
  Pair pair;
  pair.word(100, 500, true);
  pair.word(0, 300, false);  // no silence between
  pair.word(50, 400, true, 0.1F);
  const auto found = find_alternating_words(pair.first, pair.second, 3);
  REQUIRE(found.has_value());
  const std::vector<std::pair<int64_t, int64_t>> expected = {{100, 600}, {600, 900}, {950, 1350}};
  for (size_t i = 0; i < 3; ++i) CHECK(std::pair((*found)[i].begin, (*found)[i].end) == expected[i]);

  SECTION("a sample of rounding is no word") {
    pair.first[300] = 9.0F / 32768, pair.second[300] = 10.0F / 32768;
    const auto again = find_alternating_words(pair.first, pair.second, 3);
    REQUIRE(again.has_value());
    CHECK((*again)[0].end == 600);
    CHECK((*again)[1].begin == 600);
  }
  SECTION("another number of words is refused") {
    CHECK_FALSE(find_alternating_words(pair.first, pair.second, 4).has_value());
    CHECK_FALSE(find_alternating_words(pair.first, pair.second, 2).has_value());  // the energy of a word is no rounding
    CHECK_FALSE(find_alternating_words(pair.second, pair.first, 3).has_value());  // the first word is to be loud in the first
    CHECK_FALSE(find_alternating_words(pair.first, pair.second, 0).has_value());
  }
  SECTION("recordings of different length, and silence, are refused") {
    CHECK_FALSE(find_alternating_words(std::span(pair.first).first(1000), pair.second, 3).has_value());
    const std::vector<float> silence(1000, 0.0F);
    CHECK_FALSE(find_alternating_words(silence, silence, 1).has_value());
  }
  SECTION("an echo, in which two words are heard at once, is refused") {
    for (size_t i = 0; i < pair.first.size(); ++i)
      if (i % 7 == 0) std::swap(pair.first[i], pair.second[i]);
    CHECK_FALSE(find_alternating_words(pair.first, pair.second, 3).has_value());
  }
}

TEST_CASE("words begin where the synthesiser's own events say", "[data]") {
  if (!no_speech().empty()) ALLOY_SKIP(no_speech());
  const Config fixture_data =
      parse_json(read_text_file(fixture("word_events.json"), 1 << 20), "word_events.json");  // of tests/fixtures/make_word_events.py
  const std::string version = alloy::detail::espeak_version("espeak-ng", "test");
  if (version.find(" " + fixture_data.at("version").as_string()) == std::string::npos) ALLOY_SKIP("another version of espeak-ng: " + version);
  const std::set<std::string> stops = {"twenty", "ten", "kay", "pea", "june", "january"};  // silent before their first sound
  for (const Config& sentence : fixture_data.at("sentences").as_array()) {
    std::vector<std::string> words;
    for (const Config& word : sentence.at("words").as_array()) words.push_back(word.as_string());
    INFO(sentence.at("voice").as_string());
    const auto record = [&](size_t loud) {
      std::string text = "<speak>";
      for (size_t i = 0; i < words.size(); ++i)
        text += (i == 0 ? "" : " ") + std::string("<prosody volume=\"") + (i % 2 == loud ? "80" : "40") + "\">" + words[i] + "</prosody>";
      return alloy::detail::espeak_say({.voice = sentence.at("voice").as_string(),
                                 .speed_wpm = sentence.at("speed_wpm").as_int(),
                                 .pitch = sentence.at("pitch").as_int(),
                                 .text = text + "</speak>",
                                 .markup = alloy::detail::SpeechMarkup::ssml},
                                "test", "a sentence");
    };
    const Audio first = record(0), second = record(1);
    CHECK(std::abs(first.frames() - sentence.at("samples").as_int()) < 220);  // of 22050 Hz; the last silence may differ
    const auto found = find_alternating_words(first.samples, second.samples, std::ssize(words));
    REQUIRE(found.has_value());
    for (size_t i = 0; i < words.size(); ++i) {
      const double late_ms = static_cast<double>((*found)[i].begin - sentence.at("events").as_array()[i].as_int()) / 22.05;
      INFO(words[i] << " " << late_ms << " ms after its event");
      CHECK(late_ms > -1);
      CHECK(late_ms < (stops.contains(words[i]) ? 70 : 17));
      // Energy bears it out: between event and word, and between words, there is silence.
      const int64_t from = i == 0 ? 0 : (*found)[i - 1].end;
      for (int64_t k = from; k < (*found)[i].begin; ++k) CHECK(std::abs(first.samples[static_cast<size_t>(k)]) < 0.001F);
    }
  }
}
