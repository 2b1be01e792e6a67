// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/installed.hpp"

#include <alloy/data/spoken_sentences.hpp>

#include <algorithm>
#include <map>
#include <set>

using namespace alloy;

namespace {

const SpokenSentencesOptions kSmall{.words = {"one", "two", "b"},
                                    .say = {"", "", "bee"},
                                    .voices = {"en-us", "en-us+klatt2"},
                                    .sentences = 3,
                                    .min_words = 3,
                                    .max_words = 5,
                                    .sample_rate_hz = 8000,
                                    .seed = 3};

}  // namespace

TEST_CASE("options of spoken sentences are checked before anything is run", "[data]") {
  const auto with = [](auto change) {
    SpokenSentencesOptions options = kSmall;
    options.program = "no-such-program-anywhere";
    change(options);
    return options;
  };
  CHECK_THROWS_WITH(speak_sentences(with([](auto&) {})),
                    ContainsSubstring("no-such-program-anywhere") && ContainsSubstring("apt-get install espeak-ng"));
  CHECK_THROWS_WITH(speak_sentences(with([](auto& o) { o.words[1] = "<break/>"; })), ContainsSubstring("'<break/>'"));
  CHECK_THROWS_WITH(speak_sentences(with([](auto& o) { o.say[0] = "o ne"; })), ContainsSubstring("'o ne'"));
  CHECK_THROWS_AS(speak_sentences(with([](auto& o) { o.say.pop_back(); })), ConfigError);
  CHECK_THROWS_AS(speak_sentences(with([](auto& o) { o.voices.clear(); })), ConfigError);
  CHECK_THROWS_AS(speak_sentences(with([](auto& o) { o.words[0] = "two"; })), ConfigError);
  CHECK_THROWS_AS(speak_sentences(with([](auto& o) { o.min_words = 6; })), ConfigError);
  CHECK_THROWS_AS(speak_sentences(with([](auto& o) { o.min_speed_wpm = 20; })), ConfigError);
  CHECK_THROWS_AS(speak_sentences(with([](auto& o) { o.max_pitch = 100; })), ConfigError);
  CHECK_THROWS_AS(speak_sentences(with([](auto& o) { o.sample_rate_hz = 100; })), ConfigError);
}

TEST_CASE("spoken sentences", "[data]") {
  if (!no_speech().empty()) ALLOY_SKIP(no_speech());
  SECTION("have words in order, sound within them, and every word as often as the others") {
    const SpokenSentences spoken = speak_sentences(kSmall);
    REQUIRE(spoken.sentences.size() + static_cast<size_t>(spoken.left_out) == 6);
    REQUIRE(spoken.left_out <= 1);
    std::map<std::string, int> counts;
    for (const TimedSpeech& speech : spoken.sentences) {
      CHECK(speech.audio.sample_rate_hz == 8000);
      CHECK(speech.audio.channels == 1);
      CHECK((speech.words.size() >= 3 && speech.words.size() <= 5));
      const TimeSpan extent = sound_extent(speech.audio, 50);
      CHECK(extent.start == Approx(speech.words.front().time.start).margin(0.03));
      CHECK(extent.stop == Approx(speech.words.back().time.stop).margin(0.03));
      const std::vector<double> levels = loudness_db(speech.audio);
      double before = 0;
      for (const WordSpan& word : speech.words) {
        ++counts[word.text];
        CHECK(word.time.start >= before);
        CHECK(word.time.stop - word.time.start > 0.05);
        before = word.time.stop;
        double loudest = -200;
        for (auto i = static_cast<size_t>(word.time.start * 100) + 1; i < static_cast<size_t>(word.time.stop * 100) && i < levels.size(); ++i)
          loudest = std::max(loudest, levels[i]);
        CHECK(loudest > -40);
      }
    }
    REQUIRE(counts.size() == 3);
    if (spoken.left_out == 0)
      for (const auto& [word, count] : counts) CHECK(std::abs(count - counts["one"]) <= 1);
  }
  SECTION("are the same again, however many work, and others with another seed") {
    SpokenSentencesOptions options = kSmall;
    const auto first = speak_sentences(options).sentences;
    options.workers = 1;
    const auto again = speak_sentences(options).sentences;
    REQUIRE(first.size() == again.size());
    for (size_t i = 0; i < first.size(); ++i) {
      CHECK(first[i].audio.samples == again[i].audio.samples);
      CHECK(first[i].texts() == again[i].texts());
      CHECK(first[i].speaker == again[i].speaker);
    }
    options.seed = 4;
    CHECK(speak_sentences(options).sentences[0].audio.samples != first[0].audio.samples);
  }
  SECTION("what cannot be said") {
    SpokenSentencesOptions options = kSmall;
    options.voices = {"xx-unknown"};
    CHECK_THROWS_WITH(speak_sentences(options), ContainsSubstring("xx-unknown"));
    options.voices = {"en-us+f2"};
    CHECK_THROWS_WITH(speak_sentences(options), ContainsSubstring("en-us+f2") && ContainsSubstring("echo"));
    CancelToken cancel;
    cancel.cancel();
    CHECK_THROWS_AS(speak_sentences(kSmall, {}, cancel), CancelledError);
  }
}

TEST_CASE("voices to learn from and to report on share no variant", "[data]") {
  const std::vector<std::string> known = training_voices(), others = test_voices();
  CHECK((known.size() == 34 && others.size() == 10));
  const auto part = [](const std::string& voice, size_t i) { return i == 0 ? voice.substr(0, voice.find('+')) : voice.substr(voice.find('+') + 1); };
  std::set<std::string> variants, accents;
  for (const std::string& voice : known) accents.insert(part(voice, 0));
  for (const auto* voices : {&known, &others})
    for (const std::string& voice : *voices) CHECK(variants.insert(part(voice, 1)).second);
  CHECK(std::ranges::count_if(others, [&](const std::string& voice) { return !accents.contains(part(voice, 0)); }) == 5);
  CHECK(training_voices(2) == std::vector<std::string>{"en-us+adam", "en-gb+Alex"});
  CHECK(test_voices(99) == others);
}
