// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/tones.hpp"

#include <alloy/data/speech_mixer.hpp>

#include <algorithm>

using namespace alloy;

namespace {

/// Words that are tones: a at 200 Hz, b at 600 Hz; each speaker has a height.
TimedSpeech sentence(const std::string& speaker, double height) {
  return {
      .speaker = speaker,
      .audio = tones(
          {{.seconds = 0.1}, {.seconds = 0.3, .hertz = 200, .height = height}, {.seconds = 0.1}, {.seconds = 0.2, .hertz = 600, .height = height}}),
      .words = {{"a", {0.1, 0.4}}, {"b", {0.5, 0.7}}}};
}

/// Zero crossings a second of a stretch, half of which is its frequency.
double hertz_of(const Audio& audio, const TimeSpan& time) {
  const auto begin = static_cast<size_t>(time.start * 8000), end = std::min(audio.samples.size(), static_cast<size_t>(time.stop * 8000));
  int64_t crossings = 0;
  for (size_t i = begin + 1; i < end; ++i) crossings += (audio.samples[i] > 0) != (audio.samples[i - 1] > 0) ? 1 : 0;
  return static_cast<double>(crossings) / 2 / (static_cast<double>(end - begin) / 8000);
}

float height_of(const Audio& audio) {
  float height = 0;
  for (const float x : audio.samples) height = std::max(height, std::abs(x));
  return height;
}

}  // namespace

TEST_CASE("words are joined with a cross-fade, whose middle is the boundary", "[data]") {
  const RecordedWord a{"a", tones({{.seconds = 0.3, .hertz = 200}})}, b{"b", tones({{.seconds = 0.2, .hertz = 600}})};
  const TimedSpeech joined = join_words({a, b, a}, 0.02);
  CHECK(joined.texts() == std::vector<std::string>{"a", "b", "a"});
  CHECK(joined.audio.frames() == 6080);  // 0.3 + 0.2 + 0.3 - 2 * 0.02 s
  const std::vector<double> boundaries = {0.29, 0.47};
  for (size_t i = 0; i < 2; ++i) {
    CHECK(joined.words[i].time.stop == Approx(boundaries[i]));
    CHECK(joined.words[i + 1].time.start == Approx(boundaries[i]));
  }
  CHECK(joined.words[0].time.start == 0);
  CHECK(joined.words[2].time.stop == Approx(0.76));
  CHECK(hertz_of(joined.audio, {0.31, 0.45}) == Approx(600).margin(20));
  const TimedSpeech apart = join_words({a, b}, 0);
  CHECK(apart.words[1].time.start == Approx(0.3));
  CHECK(std::equal(apart.audio.samples.begin(), apart.audio.samples.begin() + 2400, a.audio.samples.begin()));
  const RecordedWord constant{"c", {.samples = std::vector<float>(100, 0.25F), .channels = 1, .sample_rate_hz = 8000}};
  for (const float x : join_words({constant, constant, constant}, 1.0).audio.samples)
    CHECK(x == Approx(0.25F));  // shares sum to 1; the fade is cut to half a word
  CHECK_THROWS_AS(join_words({}), DataError);
  CHECK_THROWS_AS(join_words({a}, -1), ConfigError);
  RecordedWord fast = b;
  fast.audio.sample_rate_hz = 16000;
  CHECK_THROWS_WITH(join_words({a, fast}), ContainsSubstring("8000 Hz for 'b'"));
}

TEST_CASE("silence is trimmed off", "[data]") {
  const Audio trimmed = trim_silence(tones({{.seconds = 0.2}, {.seconds = 0.3, .hertz = 300}, {.seconds = 0.4}}));
  CHECK(static_cast<double>(trimmed.frames()) / 8000 == Approx(0.3).margin(0.011));
}

TEST_CASE("the mixer puts words of one speaker together and keeps their times", "[data]") {
  const SpeechMixer mixer({sentence("x", 0.8), sentence("y", 0.1), sentence("x", 0.8)}, {.as_spoken = 0, .word_gain_db = 0, .speed = 0});
  Random random(1);
  int64_t pauses = 0;
  for (int i = 0; i < 20; ++i) {
    const TimedSpeech mixed = mixer(random);
    CHECK((mixed.words.size() >= 4 && mixed.words.size() <= 8));
    CHECK(height_of(mixed.audio) == Approx(mixed.speaker == "x" ? 0.8 : 0.1).margin(0.1));
    double before = 0;
    for (const WordSpan& word : mixed.words) {
      CHECK(word.time.start >= before - 1e-9);
      if (word.time.start > before + 0.01 && before > 0) ++pauses;
      before = word.time.stop;
      const double middle = (word.time.start + word.time.stop) / 2;
      CHECK(hertz_of(mixed.audio, {middle - 0.04, middle + 0.04}) == Approx(word.text == "a" ? 200 : 600).margin(40));
    }
    CHECK(before <= static_cast<double>(mixed.audio.frames()) / 8000 + 1e-9);
  }
  CHECK(pauses > 5);
}

TEST_CASE("sentences as they were spoken, faster or slower", "[data]") {
  Random random(2);
  const SpeechMixer plain({sentence("x", 0.5)}, {.as_spoken = 1, .max_edge_seconds = 0, .speed = 0});
  CHECK(plain(random).audio.samples == sentence("x", 0.5).audio.samples);
  const SpeechMixer mixer({sentence("x", 0.5)}, {.as_spoken = 1, .max_edge_seconds = 0.2, .speed = 0.3});
  double slowest = 0, fastest = 9;
  for (int i = 0; i < 30; ++i) {
    const TimedSpeech mixed = mixer(random);
    const double length = mixed.words[0].time.stop - mixed.words[0].time.start;
    slowest = std::max(slowest, length), fastest = std::min(fastest, length);
    CHECK(hertz_of(mixed.audio, {mixed.words[0].time.start + 0.02, mixed.words[0].time.stop - 0.02}) == Approx(200 * 0.3 / length).margin(12));
  }
  CHECK(slowest > 0.36);
  CHECK(fastest < 0.27);
  Random one(7), same(7);
  CHECK(mixer(one).audio.samples == mixer(same).audio.samples);
}

TEST_CASE("the mixer names what it cannot mix", "[data]") {
  CHECK_THROWS_AS(SpeechMixer({}), DataError);
  TimedSpeech fast = sentence("x", 0.5), silent = fast, outside = fast;
  fast.audio.sample_rate_hz = 16000;
  CHECK_THROWS_WITH(SpeechMixer({sentence("x", 0.5), fast}), ContainsSubstring("8000 Hz in sentence 1"));
  silent.words.clear();
  CHECK_THROWS_WITH(SpeechMixer({silent}), ContainsSubstring("words in sentence 0"));
  outside.words[1].time.stop = 9;
  CHECK_THROWS_WITH(SpeechMixer({outside}), ContainsSubstring("'b' at 0.5 to 9 s"));
  outside.words[1].time.stop = 0.50001;
  CHECK_THROWS_WITH(SpeechMixer({outside}), ContainsSubstring("at least a sample in sentence 0, got 'b'"));
  CHECK_THROWS_AS(SpeechMixer({sentence("x", 0.5)}, {.as_spoken = 2}), ConfigError);
  CHECK_THROWS_AS(SpeechMixer({sentence("x", 0.5)}, {.min_words = 9}), ConfigError);
  CHECK_THROWS_AS(SpeechMixer({sentence("x", 0.5)}, {.speed = 0.95}), ConfigError);
}
