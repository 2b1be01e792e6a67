// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/tones.hpp"

#include <alloy/alignment/timed_speech.hpp>

using namespace alloy;

TEST_CASE("loudness is the mean power around a moment", "[alignment]") {
  const Audio audio = tones({{.seconds = 0.5}, {.seconds = 0.5, .hertz = 400, .height = 0.5}});
  const std::vector<double> levels = loudness_db(audio);
  REQUIRE(levels.size() == 100);
  CHECK(levels[10] == Approx(-120));
  CHECK(levels[75] == Approx(10 * std::log10(0.125)).margin(1e-6));      // a sine of height 0.5
  CHECK(levels[50] == Approx(10 * std::log10(0.125 / 2)).margin(0.05));  // half of the window is silent
  CHECK(loudness_db(audio, 0.1, 0.02).size() == 10);
  CHECK(loudness_db(tones({{.seconds = 0.0005, .hertz = 400}})).size() == 1);  // shorter than a window
  Audio stereo = audio;
  stereo.channels = 2;
  CHECK_THROWS_WITH(loudness_db(stereo), ContainsSubstring("to_mono"));
  CHECK_THROWS_AS(loudness_db(Audio{.sample_rate_hz = 8000}), ShapeError);
  CHECK_THROWS_AS(loudness_db(audio, 1e-5), ConfigError);
  Audio broken = audio;
  broken.samples[7] = NAN;
  CHECK_THROWS_AS(loudness_db(broken), DataError);
  CHECK_THROWS_WITH(loudness_db(broken), ContainsSubstring("at sample 7"));
}

TEST_CASE("where sound begins and ends", "[alignment]") {
  const Audio audio =
      tones({{.seconds = 0.3}, {.seconds = 0.2, .hertz = 500}, {.seconds = 0.1}, {.seconds = 0.1, .hertz = 500, .height = 0.05}, {.seconds = 0.4}});
  CHECK(sound_extent(audio).start == Approx(0.3).margin(0.006));
  CHECK(sound_extent(audio).stop == Approx(0.7).margin(0.006));
  CHECK(sound_extent(audio, 15).stop == Approx(0.5).margin(0.006));    // the second tone is 20 dB quieter
  CHECK(sound_extent(tones({{.seconds = 0.2}})).stop == Approx(0.2));  // all silent: all of it
  CHECK_THROWS_AS(sound_extent(audio, 0), ConfigError);
}

TEST_CASE("errors of boundaries inside an utterance", "[alignment]") {
  const std::vector<WordSpan> truth = {{"a", {0.1, 0.5}}, {"b", {0.6, 1.0}}, {"c", {1.0, 1.5}}},
                              found = {{"a", {0.0, 0.52}}, {"b", {0.57, 0.9}}, {"c", {1.2, 9.0}}};
  const std::vector<double> errors = boundary_errors(found, truth);
  REQUIRE(errors.size() == 4);
  for (size_t i = 0; i < 4; ++i) CHECK(errors[i] == Approx(std::vector{0.02, 0.1, 0.03, 0.2}[i]));
  CHECK(boundary_errors({truth[0]}, {truth[0]}).empty());
  CHECK_THROWS_AS(boundary_errors({truth[0]}, truth), DataError);
  CHECK_THROWS_WITH(boundary_errors({truth[0], truth[2], truth[1]}, truth), ContainsSubstring("'b' as word 1, got 'c'"));
}

TEST_CASE("boundaries of many sentences", "[alignment]") {
  const auto speech = [](double boundary) {
    return TimedSpeech{.audio = tones({{.seconds = 1.0, .hertz = 400}}), .words = {{"a", {0, boundary}}, {"b", {boundary, 1}}}};
  };
  const WordAligner half = [](const Audio&, const std::vector<std::string>& words) {
    return std::vector<WordSpan>{{words.at(0), {0, 0.5}}, {words.at(1), {0.5, 1}}};
  };
  std::vector<TimedSpeech> sentences;
  for (const double off : {0.05, 0.0, 0.1, 0.2, 0.4}) sentences.push_back(speech(0.5 + off));  // each twice: an end and a start
  const BoundaryScores scores = boundary_scores(half, sentences, 0.101);
  CHECK(scores.boundaries == 10);
  CHECK(scores.median_seconds == Approx(0.1));
  CHECK(scores.p90_seconds == Approx(0.4));
  CHECK(scores.within == Approx(0.6));
  sentences.resize(1);
  sentences[0].words.resize(1);
  const WordAligner one = [](const Audio&, const std::vector<std::string>& words) { return std::vector<WordSpan>{{words.at(0), {0, 1}}}; };
  CHECK_THROWS_AS(boundary_scores(one, sentences), DataError);
  CHECK_THROWS_AS(boundary_scores(one, {}), DataError);
}
