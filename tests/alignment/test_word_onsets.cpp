// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/tones.hpp"

#include <alloy/alignment/word_onsets.hpp>

using namespace alloy;

namespace {

/// Tokens said in single frames of 20 ms; token i of the target is token i + 1 of the network.
CtcAlignment said_at(const std::vector<int64_t>& frames) {
  CtcAlignment alignment;
  for (size_t i = 0; i < frames.size(); ++i)
    alignment.spans.push_back(
        {.token = static_cast<int64_t>(i) + 1, .start = frames[i], .stop = frames[i] + 1, .score = -0.1 * static_cast<double>(i + 1)});
  return alignment;
}

const WordOnsetOptions kClock{.frame_seconds = 0.02};
const std::vector<WordTokens> kTwo = {{"ab", 0, 2}, {"cd", 2, 4}};
const Tone kVoice{.seconds = 1.0, .hertz = 300};

}  // namespace

TEST_CASE("a word lasts from its onset to that of the next", "[alignment]") {
  const Audio audio = tones({kVoice});
  const CtcAlignment alignment = said_at({5, 10, 30, 40});  // at 0.1, 0.2, 0.6 and 0.8 s
  const auto words = words_by_onsets(alignment, kTwo, {0, 0.05, 0.3, 0.08, 0.3}, audio, kClock);
  REQUIRE(words.size() == 2);
  CHECK(words[0].text == "ab");
  CHECK(words[0].time.start == Approx(0.05));  // 0.1 - 0.05
  CHECK(words[0].time.stop == Approx(0.52));   // the lag of c, the first token, counts
  CHECK(words[1].time.start == Approx(0.52));
  CHECK(words[1].time.stop == Approx(1.0));
  CHECK(words[1].score == Approx(-0.35));
  CHECK(words_by_onsets(alignment, kTwo, {}, audio, kClock)[1].time.start == Approx(0.6));
  CHECK(words_by_onsets(alignment, kTwo, {}, audio, {.frame_seconds = 0.02, .first_seconds = 0.1})[1].time.start == Approx(0.7));
  CHECK(words_by_onsets(alignment, kTwo, {}, audio, {.frame_seconds = 0.02, .max_tail_seconds = 0.1})[0].time.stop == Approx(0.22 + 0.1));
}

TEST_CASE("a pause belongs to no word", "[alignment]") {
  const Audio audio = tones({{.seconds = 0.2}, {.seconds = 0.3, .hertz = 300}, {.seconds = 0.3}, {.seconds = 0.3, .hertz = 300}, {.seconds = 0.4}});
  const std::vector<double> late(5, 0.2);  // so late that onsets fall into the pauses
  const auto words = words_by_onsets(said_at({12, 18, 42, 48}), kTwo, late, audio, kClock);
  CHECK(words[0].time.start == Approx(0.2).margin(0.015));
  CHECK(words[0].time.stop == Approx(0.5).margin(0.015));
  CHECK(words[1].time.start == Approx(0.8).margin(0.015));
  CHECK(words[1].time.stop == Approx(1.1).margin(0.015));
  SECTION("a short one is part of the word") {
    const Audio closure = tones({{.seconds = 0.5, .hertz = 300}, {.seconds = 0.05}, {.seconds = 0.5, .hertz = 300}});
    const auto joined = words_by_onsets(said_at({5, 10, 30, 40}), kTwo, {}, closure, kClock);
    CHECK(joined[0].time.stop == Approx(0.6));
  }
}

TEST_CASE("words stay in order within the audio, whatever the lags", "[alignment]") {
  const Audio audio = tones({kVoice});
  for (const double lag : {-5.0, -0.3, 0.0, 0.3, 5.0}) {
    const std::vector<WordTokens> words = {{"a", 0, 1}, {"b", 1, 2}, {"c", 2, 3}, {"d", 3, 4}};
    double before = 0;
    for (const WordSpan& word : words_by_onsets(said_at({3, 4, 5, 49}), words, std::vector<double>(5, lag), audio, kClock)) {
      CHECK(word.time.start >= before);
      CHECK(word.time.stop > word.time.start);
      CHECK(word.time.stop <= 1.0);
      before = word.time.stop;
    }
  }
  CHECK(words_by_onsets(said_at({}), {}, {}, audio, kClock).empty());
}

TEST_CASE("words_by_onsets names what does not fit", "[alignment]") {
  const Audio audio = tones({kVoice});
  const CtcAlignment alignment = said_at({5, 10, 30, 40});
  CHECK_THROWS_WITH(words_by_onsets(alignment, {{"ab", 0, 5}}, {}, audio, kClock), ContainsSubstring("within 0..4 for 'ab', got 0..5"));
  CHECK_THROWS_AS(words_by_onsets(alignment, {{"ab", 0, 2}, {"c", 1, 3}}, {}, audio, kClock), DataError);
  CHECK_THROWS_AS(words_by_onsets(alignment, kTwo, {0, 0}, audio, kClock), DataError);  // no lag for token 3
  CHECK_THROWS_AS(words_by_onsets(alignment, kTwo, {0, NAN, 0, 0, 0}, audio, kClock), DataError);
  CHECK_THROWS_AS(words_by_onsets(alignment, kTwo, {}, tones({{.seconds = 0.002, .hertz = 1000}}), kClock), DataError);
  CHECK_THROWS_AS(words_by_onsets(alignment, kTwo, {}, audio, {.frame_seconds = 0}), ConfigError);
  CHECK_THROWS_AS(words_by_onsets(alignment, kTwo, {}, audio, {.max_tail_seconds = -1}), ConfigError);
}

TEST_CASE("lags are medians, those of rare tokens drawn to that of all", "[alignment]") {
  std::vector<HeardOnset> onsets;
  for (int64_t i = 0; i < 97; ++i) onsets.push_back({.token = 1, .found_seconds = 1.04, .true_seconds = 1.0});
  onsets.push_back({.token = 1, .found_seconds = 9, .true_seconds = 1});  // an outlier
  onsets.push_back({.token = 2, .found_seconds = 1.1, .true_seconds = 1});
  const std::vector<double> lags = onset_lags(onsets, 4);
  REQUIRE(lags.size() == 4);
  CHECK(lags[1] == Approx(0.04));
  CHECK(lags[2] == Approx((0.1 + 3 * 0.04) / 4));
  CHECK(lags[3] == Approx(0.04));
  CHECK(onset_lags({}, 2) == std::vector<double>{0, 0});
  CHECK_THROWS_AS(onset_lags(onsets, 2), DataError);
  CHECK_THROWS_AS(onset_lags({{.token = 0, .found_seconds = NAN}}, 2), DataError);
}
