// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/preprocess/waveform.hpp>

#include <functional>

using namespace alloy;

namespace {

Tensor sine(int64_t samples, double amplitude = 0.5) {
  return ((torch::arange(samples, torch::kDouble) * 0.3).sin() * amplitude).to(torch::kFloat);
}
double power(const Tensor& x) { return x.to(torch::kDouble).square().mean().item<double>(); }

}  // namespace

TEST_CASE("pad_or_crop", "[preprocess]") {
  const Tensor wave = torch::tensor({{1.f, 2.f, 3.f}, {4.f, 5.f, 6.f}});
  CHECK_THAT(pad_or_crop(wave, 2), SameBits(torch::tensor({{1.f, 2.f}, {4.f, 5.f}})));
  CHECK_THAT(pad_or_crop(wave[1], 5), SameBits(torch::tensor({4.f, 5.f, 6.f, 0.f, 0.f})));
  pad_or_crop(wave, 3).zero_();
  CHECK(wave.sum().item<float>() == 21.0f);
  CHECK_THROWS_AS(pad_or_crop(wave, 0), ConfigError);
  CHECK_THROWS_WITH(pad_or_crop(torch::zeros({0}), 4), ContainsSubstring("[pad_or_crop] expected a floating waveform [T] or [B, T]"));
}

TEST_CASE("loudness", "[preprocess]") {
  const Tensor waves = torch::stack({sine(1000, 0.2), sine(1000, 3.0), torch::zeros({1000}), sine(1000, 1e-30)});
  const Tensor loud = normalise_peak(waves, 0.9);
  CHECK_THAT(loud.abs().amax(1), AllClose(torch::tensor({0.9f, 0.9f, 0.0f, 0.9f})));
  const Tensor even = normalise_rms(waves, 0.1);
  CHECK_THAT(even.square().mean(1).sqrt(), AllClose(torch::tensor({0.1f, 0.1f, 0.0f, 0.1f})));
  CHECK_THAT(normalise_rms(waves[1], 0.1), AllClose(even[1]));
  CHECK_THROWS_AS(normalise_peak(waves, 0), ConfigError);
  CHECK_THROWS_AS(normalise_rms(waves, -1), ConfigError);
}

TEST_CASE("add_noise", "[preprocess]") {
  for (const double snr_db : {-10.0, 0.0, 20.0, 40.0}) {
    CAPTURE(snr_db);
    Random random(1), again(1);
    const Tensor wave = sine(16000);  // 1 s at 16 kHz
    const Tensor noisy = add_noise(wave, snr_db, random);
    CHECK_THAT(10 * std::log10(power(wave) / power(noisy - wave)), WithinAbs(snr_db, 0.01));
    CHECK_THAT(add_noise(wave, snr_db, again), SameBits(noisy));
    CHECK_FALSE(torch::equal(add_noise(wave, snr_db, again), noisy));
  }
  SECTION("each row by its own level; silence stays silence") {
    Random random(2);
    const Tensor waves = torch::stack({sine(8000, 1.0), sine(8000, 0.01), torch::zeros({8000})});
    const Tensor noise = add_noise(waves, 10, random) - waves;
    CHECK_THAT(power(noise[0]) / power(noise[1]), WithinRel(1e4, 1e-3));
    CHECK(power(noise[2]) == 0);
  }
  SECTION("the noise is white and normal") {
    Random random(3);
    const Tensor noise = (add_noise(sine(40'000), 0, random) - sine(40'000)).to(torch::kDouble);
    const Tensor unit = noise / noise.square().mean().sqrt();
    CHECK_THAT((unit.narrow(0, 0, 39'999) * unit.narrow(0, 1, 39'999)).mean().item<double>(), WithinAbs(0, 0.02));
    CHECK_THAT(unit.pow(4).mean().item<double>(), WithinAbs(3, 0.15));
  }
  Random random(4);
  CHECK_THROWS_AS(add_noise(sine(10), NAN, random), ConfigError);
  CHECK_THROWS_AS(add_noise(torch::zeros({4}, torch::kShort), 10, random), ShapeError);
}

TEST_CASE("drop_out", "[preprocess]") {
  Random random(5), again(5);
  const Tensor waves = torch::ones({2, 1003});
  const Tensor gone = drop_out(waves, {.fraction = 0.25, .gap_samples = 20}, random) == 0;
  CHECK_THAT(gone.sum(1), SameBits(torch::tensor({251, 251})));  // 1003 / 4, rounded
  CHECK_FALSE(torch::equal(gone[0], gone[1]));
  CHECK(gone[0].to(torch::kInt).diff().abs().sum().item<int64_t>() <= 2 * 14);  // in stretches, not one by one
  CHECK_THAT(drop_out(waves, {.fraction = 0.25, .gap_samples = 20}, again) == 0, SameBits(gone));
  CHECK(drop_out(waves, {.fraction = 1.0, .gap_samples = 5000}, random).sum().item<float>() == 0);
  CHECK_THAT(drop_out(waves[0], {.fraction = 0.0, .gap_samples = 20}, random), SameBits(waves[0]));
  CHECK_THROWS_AS(drop_out(waves, {.fraction = -0.1, .gap_samples = 20}, random), ConfigError);
  CHECK_THROWS_AS(drop_out(waves, {.fraction = 0.1, .gap_samples = 0}, random), ConfigError);
}
