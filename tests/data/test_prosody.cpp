// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/installed.hpp"
#include "support/warnings.hpp"

#include <alloy/data/prosody.hpp>
#include <alloy/io/atomic_write.hpp>
#include <alloy/io/file.hpp>
#include <alloy/preprocess/pitch.hpp>

using namespace alloy;

TEST_CASE("prosody_ssml", "[data]") {
  CHECK(prosody_ssml("one two three", {.pitch = {-20, 30}, .volume = {0, -50, 0}, .range = 80, .rate = 110, .emphasis = 2}) ==
        "<speak><prosody range='80%' rate='110%'>"
        "<prosody pitch='100%' volume='140%'>one</prosody> "
        "<prosody pitch='105%' volume='50%'>two</prosody> "
        "<prosody pitch='150%' volume='140%'>three</prosody></prosody></speak>");
  CHECK(prosody_ssml(" a&b \n <c> ", {}) ==
        "<speak><prosody range='100%' rate='100%'><prosody pitch='100%' volume='100%'>a&amp;b</prosody> "
        "<prosody pitch='100%' volume='100%'>&lt;c&gt;</prosody></prosody></speak>");
  CHECK_THROWS_AS(prosody_ssml("  ", {}), ConfigError);
  CHECK_THROWS_WITH(prosody_ssml("a", {.pitch = {0, -95}}), ContainsSubstring("pitch in -90..200") && ContainsSubstring("-95"));
  CHECK_THROWS_AS(prosody_ssml("a", {.volume = {}}), ConfigError);
  CHECK_THROWS_AS(prosody_ssml("a", {.rate = 10}), ConfigError);
  CHECK_THROWS_AS(prosody_ssml("a", {.emphasis = -1}), ConfigError);
}

TEST_CASE("speak checks before it runs anything", "[data]") {
  CHECK_THROWS_WITH(speak({{.text = "a"}}, {.program = "no-such-program-anywhere"}),
                    ContainsSubstring("no-such-program-anywhere") && ContainsSubstring("apt-get install espeak-ng"));
  CHECK_THROWS_AS(speak({}, {.sample_rate_hz = 10}), ConfigError);
}

TEST_CASE("prosody is heard", "[data]") {
  if (!no_speech().empty()) ALLOY_SKIP(no_speech());
  const std::string text = "the parcel came to the office on monday morning";
  const auto said = speak({{.text = text, .prosody = {.pitch = {-25, 25}}},
                           {.text = text, .prosody = {.pitch = {25, -25}}},
                           {.text = text, .prosody = {.range = 20}},
                           {.text = text, .prosody = {.rate = 70}},
                           {.text = text, .prosody = {.volume = {20, -70}}},
                           {.text = text}});
  std::vector<PitchTrack> tracks;
  for (const Tensor& x : said) tracks.push_back(pitch_track(x));
  /// Octaves that the last third lies above the first.
  const auto rise = [](const PitchTrack& t) {
    const int64_t third = t.hz.size(0) / 3;
    const auto mean = [&](int64_t begin) {
      const Tensor part = t.hz.narrow(0, begin, third);
      return part.masked_select(part > 0).log2().mean().item<double>();
    };
    return mean(t.hz.size(0) - third) - mean(0);
  };
  CHECK(rise(tracks[0]) > rise(tracks[5]) + 0.1);
  CHECK(rise(tracks[1]) < rise(tracks[5]) - 0.1);
  const auto spread = [](const PitchTrack& t) { return t.hz.masked_select(t.hz > 0).log2().std().item<double>(); };
  CHECK(spread(tracks[2]) < 0.5 * spread(tracks[5]));
  CHECK(said[3].size(0) > 1.2 * static_cast<double>(said[5].size(0)));
  const auto level = [](const PitchTrack& t, double place) {
    return t.level_db.narrow(0, static_cast<int64_t>(place * static_cast<double>(t.hz.size(0))), t.hz.size(0) / 3).max().item<double>();
  };
  CHECK(level(tracks[4], 0) - level(tracks[4], 0.66) > level(tracks[5], 0) - level(tracks[5], 0.66) + 4);
  SECTION("stress is heard, and loses no word") {
    std::vector<Utterance> pairs;
    for (const char* words : {"a delivery was left at the office a week ago", "the catalogue was left at the library on monday morning"})
      for (const int64_t emphasis : {0, 1, 2})
        pairs.push_back({.text = words, .prosody = {.pitch = {20, -25, 15}, .volume = {-20}, .emphasis = emphasis}});
    const auto spoken = speak(pairs);
    for (size_t i = 0; i < spoken.size(); i += 3)
      for (size_t k = 1; k < 3; ++k) {
        const double lasts = static_cast<double>(spoken[i + k].size(0)) / static_cast<double>(spoken[i].size(0));
        CHECK((lasts > 0.95 && lasts < 1.05));
        CHECK(spoken[i + k].norm().item<double>() > 1.15 * spoken[i].norm().item<double>());
      }
  }
  CHECK_THROWS_WITH(speak({{.text = "a", .voice = "xx-none"}}), ContainsSubstring("xx-none"));
  CancelToken cancel;
  cancel.cancel();
  CHECK_THROWS_AS(speak({{.text = "a"}}, {}, {}, cancel), CancelledError);
}

TEST_CASE("the cache of prosody", "[data]") {
  if (!no_speech().empty()) ALLOY_SKIP(no_speech());
  const TempDir folder;
  const std::vector<Utterance> utterances = {{.text = "one"}, {.text = "two words", .voice = "en-us+f2"}};
  const SpeakOptions options{.cache = folder.path() / "kept"};
  const auto first = speak(utterances, options);
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(options.cache)) files.push_back(entry.path());
  REQUIRE(files.size() == 1);
  int64_t reports = 0;
  const auto again = speak(utterances, options, [&](const Progress&) { ++reports; });
  CHECK(reports == 0);  // nothing was said
  for (size_t i = 0; i < 2; ++i) CHECK_THAT(again[i], SameBits(first[i]));
  std::string damaged = read_text_file(files[0], 1 << 26);
  damaged[damaged.size() - 50] ^= 1;
  write_file(files[0], damaged);
  const Warnings warnings;
  CHECK_THAT(speak(utterances, options)[1], SameBits(first[1]));
  REQUIRE(warnings.texts.size() == 1);
  CHECK_THAT(warnings.texts[0], ContainsSubstring("made again"));
}
