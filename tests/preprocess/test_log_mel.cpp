// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core/json.hpp>
#include <alloy/preprocess/log_mel.hpp>

#include <fstream>

using namespace alloy;

namespace {

std::string file_text(const std::string& name) {
  std::ifstream file(fixture(name), std::ios::binary);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

Tensor sine(double hz, int64_t samples, int64_t rate = 16000) {
  return (torch::arange(samples, torch::kDouble) * (2 * M_PI * hz / static_cast<double>(rate))).sin().to(torch::kFloat);
}

}  // namespace

TEST_CASE("LogMel equals librosa", "[preprocess]") {
  const Config cases = parse_json(file_text("log_mel.json"), "log_mel.json");
  std::string numbers = file_text("log_mel.f32");
  int64_t offset = 0;
  const auto next = [&](int64_t count) {
    REQUIRE((offset + count) * 4 <= static_cast<int64_t>(numbers.size()));
    const Tensor part = torch::from_blob(numbers.data() + offset * 4, {count}).clone();
    offset += count;
    return part;
  };
  const Tensor wave = next(cases.at("samples").as_int());
  for (const Config& item : cases.at("cases").as_array()) {
    CAPTURE(to_json(item));
    const LogMel log_mel(from_config<LogMelOptions>(item.at("options")));
    const LogMelOptions& o = log_mel.options();
    const int64_t frames = item.at("frames").as_int();
    CHECK(log_mel.num_frames(wave.size(0)) == frames);
    const Tensor expected = next(frames * o.mel_bins).view({frames, o.mel_bins});
    // 1e-4 in units of log10
    const double unit = o.log == LogKind::log10 ? 1.0 : o.log == LogKind::ln ? std::log(10.0) : o.spectrum == Spectrum::power ? 10.0 : 20.0;
    CHECK_THAT(log_mel(wave), AllClose(expected, 1e-4 * unit, 0.0));
    CHECK_THAT(log_mel(wave.to(torch::kDouble)).to(torch::kFloat), AllClose(expected, 1e-5 * unit, 0.0));
  }
  CHECK(offset * 4 == static_cast<int64_t>(numbers.size()));
}

TEST_CASE("mel_filter_bank", "[preprocess]") {
  SECTION("an htk filter of height 1 peaks at its middle") {
    const Tensor bank = mel_filter_bank({.fft_size = 16384, .mel_bins = 3, .mel_scale = MelScale::htk, .mel_norm = MelNorm::none});
    REQUIRE(bank.sizes() == at::IntArrayRef{3, 8193});
    const double top_mel = 2595 * std::log10(1 + 8000.0 / 700);
    for (int64_t m = 0; m < 3; ++m) {
      const double middle_hz = 700 * (std::pow(10.0, top_mel * static_cast<double>(m + 1) / 4 / 2595) - 1);
      CHECK_THAT(bank[m].argmax().item<double>() * 16000 / 16384, WithinAbs(middle_hz, 1.0));
      CHECK_THAT(bank[m].max().item<double>(), WithinAbs(1.0, 0.01));
    }
  }
  SECTION("slaney norm gives every filter area 1 in Hz") {
    const Tensor bank = mel_filter_bank({.fft_size = 16384, .mel_bins = 8});
    CHECK_THAT(bank.sum(1) * (16000.0 / 16384), AllClose(torch::ones({8}, torch::kDouble), 1e-3));
  }
}

TEST_CASE("LogMel", "[preprocess]") {
  const LogMel log_mel;
  SECTION("shapes, and a batch equals its rows") {
    const Tensor waves = torch::stack({sine(440, 1600), sine(3000, 1600) * 0.1, torch::zeros({1600})});
    const Tensor batch = log_mel(waves);
    CHECK(batch.sizes() == at::IntArrayRef{3, 11, 64});
    for (int64_t i = 0; i < 3; ++i) CHECK_THAT(log_mel(waves[i]), AllClose(batch[i], 1e-5));
    const LogMel limited({.log = LogKind::db, .top_db = 20});  // the limit of a row is its own, not that of the batch
    CHECK_THAT(limited(waves[1]), AllClose(limited(waves)[1], 1e-4));
  }
  SECTION("a sine peaks in the filter around its frequency") {
    const Tensor bank = mel_filter_bank({});
    for (const double hz : {250.0, 1000.0, 4000.0}) {
      const int64_t line = std::llround(hz * 512 / 16000);
      const Tensor frame = log_mel(sine(hz, 4000))[12];
      CHECK(frame.argmax().item<int64_t>() == bank.select(1, line).argmax().item<int64_t>());
    }
  }
  SECTION("the window is periodic and stands in the middle") {
    const LogMel one({.window_size = 8, .fft_size = 32, .hop_size = 4, .mel_bins = 1, .mel_norm = MelNorm::none, .spectrum = Spectrum::magnitude, .log = LogKind::log10, .padding = FramePadding::none});
    Tensor wave = torch::zeros({32}, torch::kDouble);
    wave[12] = 1;  // where a window of 8 in 32 begins: the first value of a Hann window is 0
    CHECK(one(wave).item<double>() == -10.0);
    wave[12] = 0, wave[16] = 1;  // its middle has weight 1, and an impulse has a flat spectrum
    const double expected = std::log10(mel_filter_bank(one.options()).sum().item<double>());
    CHECK_THAT(one(wave).item<double>(), WithinAbs(expected, 1e-12));
  }
  SECTION("silence gives the floor, not NaN") {
    CHECK_THAT(log_mel(torch::zeros({800})), AllClose(torch::full({6, 64}, std::log(1e-10)), 1e-5));
    CHECK(LogMel({.log = LogKind::db, .top_db = 80})(torch::zeros({800})).isfinite().all().item<bool>());
  }
  SECTION("short waveforms count as followed by zeros") {
    for (const auto padding : {FramePadding::reflect, FramePadding::zeros, FramePadding::none})
      for (const int64_t fft_size : {64, 63}) {
        const LogMel any({.window_size = 50, .fft_size = fft_size, .mel_bins = 8, .padding = padding});
        for (const int64_t samples : {1, 2, 31, 32, 33, 50, 62, 63, 64, 65, 300}) {
          const Tensor mel = any(sine(1000, samples));
          REQUIRE(mel.size(0) == any.num_frames(samples));
          REQUIRE(mel.size(0) >= 1);
          REQUIRE(mel.isfinite().all().item<bool>());
        }
      }
    const LogMel none({.padding = FramePadding::none});
    CHECK_THAT(none(sine(1000, 100)), SameBits(none(torch::constant_pad_nd(sine(1000, 100), {0, 412}))));
  }
  SECTION("says what it expects") {
    CHECK_THROWS_WITH(log_mel(torch::zeros({0})), ContainsSubstring("[T] or [B, T] with T > 0, got float32 [0]"));
    CHECK_THROWS_AS(log_mel(torch::zeros({1, 1, 800})), ShapeError);
    CHECK_THROWS_AS(log_mel(torch::zeros({800}, torch::kShort)), ShapeError);
    CHECK_THROWS_AS(log_mel(torch::zeros({800}, torch::kHalf)), ShapeError);
    CHECK_THROWS_AS(log_mel(Tensor()), ShapeError);
    CHECK_THROWS_WITH(LogMel({.window_size = 600}), ContainsSubstring("window_size in 2..512, got 600"));
    CHECK_THROWS_WITH(LogMel({.max_hz = 9000}), ContainsSubstring("max_hz <= 8000"));
    CHECK_THROWS_AS(LogMel({.min_hz = 8000}), ConfigError);
    CHECK_THROWS_AS(LogMel({.floor = 0}), ConfigError);
    CHECK_THROWS_AS(LogMel({.top_db = 80}), ConfigError);
    CHECK_THROWS_AS(LogMel({.mel_bins = 0}), ConfigError);
  }
}
