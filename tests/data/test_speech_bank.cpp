// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/installed.hpp"
#include "support/warnings.hpp"

#include <alloy/core.hpp>
#include <alloy/data/speech_bank.hpp>
#include <alloy/io/atomic_write.hpp>
#include <alloy/io/file.hpp>

using namespace alloy;

namespace {

const SpeechBankOptions kSmall{.words = {"bag", "ankle boot"}, .voices = {"en-us", "en-us+f2"}, .speeds_wpm = {150, 200}, .pitches = {50}};

}  // namespace

TEST_CASE("speech bank options are checked before anything is run", "[data]") {
  const auto with = [](auto change) {
    SpeechBankOptions options = kSmall;
    options.program = "no-such-program-anywhere";
    change(options);
    return options;
  };
  CHECK_THROWS_WITH(make_speech_bank(with([](auto&) {})), ContainsSubstring("no-such-program-anywhere") && ContainsSubstring("apt-get install espeak-ng"));
  CHECK_THROWS_AS(make_speech_bank(with([](auto&) {})), IoError);
  CHECK_THROWS_WITH(make_speech_bank(with([](auto& o) { o.words = {}; })), ContainsSubstring("expected words"));
  CHECK_THROWS_WITH(make_speech_bank(with([](auto& o) { o.voices = {"en-us", "en-us"}; })), ContainsSubstring("no repeats, got en-us, en-us"));
  CHECK_THROWS_AS(make_speech_bank(with([](auto& o) { o.speeds_wpm = {10}; })), ConfigError);
  CHECK_THROWS_AS(make_speech_bank(with([](auto& o) { o.pitches = {100}; })), ConfigError);
  CHECK_THROWS_AS(make_speech_bank(with([](auto& o) { o.samples = 0; })), ConfigError);
}

TEST_CASE("speech bank", "[data]") {
  if (!no_speech().empty()) ALLOY_SKIP(no_speech());
  SECTION("words are as long as they are spoken, without silence around them") {
    std::vector<Progress> reports;
    const SpeechBank bank = make_speech_bank(kSmall, [&](const Progress& p) { reports.push_back(p); });
    CHECK(bank.waveforms.sizes() == at::IntArrayRef({2, 2, 1, 2, 16000}));
    CHECK(bank.waveforms.scalar_type() == at::kShort);
    CHECK_FALSE(bank.from_cache);
    REQUIRE_FALSE(reports.empty());
    CHECK((reports.back().done == 8 && reports.back().total == 8));
    for (int64_t voice = 0; voice < 2; ++voice)
      for (int64_t speed = 0; speed < 2; ++speed) {
        const Tensor lengths = bank.lengths[voice][speed][0];
        CHECK(lengths[1].item<int64_t>() > 1.3 * lengths[0].item<double>());  // ankle boot, bag
        CHECK(lengths[0].item<int64_t>() > 3200);
        for (int64_t word = 0; word < 2; ++word) {
          const int64_t length = lengths[word].item<int64_t>();
          const Tensor wave = bank.waveforms[voice][speed][0][word].to(at::kFloat).abs();
          CHECK(wave.narrow(0, length, 16000 - length).sum().item<float>() == 0);
          const float peak = wave.max().item<float>();
          CHECK(wave.narrow(0, 0, 165).max().item<float>() > 0.01F * peak);
          CHECK(wave.narrow(0, length - 165, 165).max().item<float>() > 0.009F * peak);
        }
      }
    CHECK((bank.lengths.select(1, 0) > bank.lengths.select(1, 1)).all().item<bool>());  // 150 words a minute last longer
  }
  SECTION("a longer word is cut, another rate gives another length") {
    SpeechBankOptions options = kSmall;
    options.samples = 1000;
    CHECK((make_speech_bank(options).lengths == 1000).all().item<bool>());
    options = kSmall;
    options.sample_rate_hz = 8000;
    const Tensor half = make_speech_bank(options).lengths, whole = make_speech_bank(kSmall).lengths;
    CHECK(((whole - 2 * half).abs() <= 2).all().item<bool>());
  }
  SECTION("what cannot be said") {
    SpeechBankOptions options = kSmall;
    options.voices = {"xx-unknown"};
    CHECK_THROWS_WITH(make_speech_bank(options), ContainsSubstring("xx-unknown") && ContainsSubstring("does not exist"));
    options.voices = {"en-us", "en-us+no-such-variant"};  // Note [Ignored variants]
    CHECK_THROWS_AS(make_speech_bank(options), ConfigError);
    CancelToken cancel;
    cancel.cancel();
    CHECK_THROWS_AS(make_speech_bank(kSmall, {}, cancel), CancelledError);
    CHECK_THROWS_WITH(make_speech_bank(kSmall, [](const Progress&) { throw std::runtime_error("enough"); }), ContainsSubstring("enough"));
  }
}

TEST_CASE("the cache of a speech bank", "[data]") {
  if (!no_speech().empty()) ALLOY_SKIP(no_speech());
  const TempDir folder;
  SpeechBankOptions options = kSmall;
  options.speeds_wpm = {175};
  options.cache = folder.path() / "kept";
  const SpeechBank first = make_speech_bank(options);
  const auto files = [&] {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator(options.cache)) found.push_back(entry.path());
    return found;
  };
  REQUIRE(files().size() == 1);
  const std::filesystem::path file = files()[0];
  options.workers = 1;
  const SpeechBank again = make_speech_bank(options);
  CHECK(again.from_cache);
  CHECK_THAT(again.waveforms, SameBits(first.waveforms));
  CHECK_THAT(again.lengths, SameBits(first.lengths));

  const std::string good = read_text_file(file, 1 << 26);
  std::string flipped = good, cut = good.substr(0, good.size() - 100);
  flipped[good.size() - 70000] ^= 1;
  for (const std::string& damaged : {flipped, cut, std::string("no tensors"), std::string()}) {
    write_file(file, damaged);
    const Warnings warnings;
    const SpeechBank made = make_speech_bank(options);
    CHECK_FALSE(made.from_cache);
    REQUIRE(warnings.texts.size() == 1);
    CHECK_THAT(warnings.texts[0], ContainsSubstring("made again"));
    CHECK_THAT(made.waveforms, SameBits(first.waveforms));
    CHECK(read_text_file(file, 1 << 26) == good);
  }
  options.pitches = {60};
  CHECK_FALSE(make_speech_bank(options).from_cache);
  CHECK(files().size() == 2);

  write_file(folder.path() / "file", "in the way");
  options.cache = folder.path() / "file";
  const Warnings warnings;
  CHECK_FALSE(make_speech_bank(options).from_cache);
  REQUIRE(warnings.texts.size() == 1);
  CHECK_THAT(warnings.texts[0], ContainsSubstring("not kept"));
}
