// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/preprocess/pitch.hpp>

#include <cmath>

using namespace alloy;

namespace {

constexpr double kRate = 8000, kTau = 6.283185307179586;

/// A voice: harmonics of a frequency that goes from one value to another, under an envelope.
Tensor voice(
    double from_hz, double to_hz, double seconds, const std::function<double(double)>& envelope = [](double) { return 1.0; }) {
  const auto n = static_cast<int64_t>(seconds * kRate);
  Tensor x = torch::zeros({n});
  double phase = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double t = static_cast<double>(i) / kRate;
    phase += kTau * (from_hz + (to_hz - from_hz) * t / seconds) / kRate;
    x[i] = envelope(t) * (0.5 * std::sin(phase) + 0.3 * std::sin(2 * phase) + 0.2 * std::sin(3 * phase));
  }
  return x;
}

}  // namespace

TEST_CASE("pitch_track", "[preprocess]") {
  SECTION("finds a steady pitch, an octave neither too high nor too low") {
    for (const double hz : {75.0, 123.4, 220.0, 333.0}) {
      const PitchTrack track = pitch_track(voice(hz, hz, 0.6));
      CHECK(track.hz.size(0) == 1 + 4800 / 160);
      CHECK(track.frames_per_second == 50);
      const Tensor inside = track.hz.narrow(0, 4, 22);
      CHECK_THAT(inside, AllClose(torch::full({22}, hz), 0.01 * hz));
    }
  }
  SECTION("of low voices with much above 1 kHz, whose periods are no whole number of samples") {
    for (const double hz : {52.3, 56.1, 72.4, 95.8}) {
      const auto n = static_cast<int64_t>(0.5 * kRate);
      Tensor x = torch::zeros({n});
      for (double harmonic = 1; harmonic * hz < 3600; ++harmonic) x += torch::cos(torch::arange(n) * (kTau * harmonic * hz / kRate));
      const Tensor inside = pitch_track(x).hz.narrow(0, 4, 17);
      CHECK_THAT(inside, AllClose(torch::full({17}, hz), 0.01 * hz));
    }
    CHECK((pitch_track(voice(45, 45, 0.5)).hz == 0).all().item<bool>());  // below min_hz there is none
  }
  SECTION("follows it") {
    const PitchTrack track = pitch_track(voice(100, 200, 1.0));
    for (const int64_t frame : {10, 25, 40}) CHECK_THAT(track.hz[frame].item<double>(), WithinRel(100 + 2.0 * static_cast<double>(frame), 0.02));
  }
  SECTION("noise and silence have none, and levels are below the loudest") {
    torch::manual_seed(1);
    const Tensor x = torch::cat({voice(150, 150, 0.4), 0.3 * torch::randn({3200}), 1e-4 * voice(150, 150, 0.4)});
    const PitchTrack track = pitch_track(x);
    CHECK((track.hz.narrow(0, 3, 14) > 0).all().item<bool>());
    CHECK((track.hz.narrow(0, 24, 12) > 0).sum().item<int64_t>() <= 1);
    CHECK((track.hz.narrow(0, 44, 15) == 0).all().item<bool>());
    CHECK(track.level_db.max().item<double>() == 0);
    CHECK_THAT(track.level_db[50].item<double>(), WithinAbs(-35, 1e-6));
    CHECK((pitch_track(torch::zeros({500})).hz == 0).all().item<bool>());
  }
  SECTION("the same at another rate and loudness, and of one sample") {
    const Tensor x = voice(140, 180, 0.5);
    CHECK_THAT(pitch_track(20 * x.to(torch::kDouble)).hz, AllClose(pitch_track(x).hz, 1e-2));
    CHECK(pitch_track(torch::ones({1})).hz.size(0) == 1);
  }
  CHECK_THROWS_AS(pitch_track(torch::zeros({2, 100})), ShapeError);
  CHECK_THROWS_AS(pitch_track(torch::full({100}, NAN)), DataError);
  CHECK_THROWS_AS(pitch_track(torch::zeros({100}), {.min_hz = 100, .max_hz = 90}), ConfigError);
  CHECK_THROWS_AS(pitch_track(torch::zeros({100}), {.max_hz = 3000}), ConfigError);
}

TEST_CASE("melody_series does not tell who speaks how loud", "[preprocess]") {
  const PitchTrack low = pitch_track(voice(90, 130, 0.8)), high = pitch_track(3 * voice(180, 260, 0.8));
  const Tensor a = melody_series(low), b = melody_series(high);
  CHECK(a.sizes() == torch::IntArrayRef({41, 4}));
  const auto inside = [](const Tensor& x) { return x.narrow(0, 3, 34); };
  const Tensor octaves = torch::tensor({1.0F / 6, 1.0F, 1.0F, 1.0F});
  CHECK_THAT(inside(b) * octaves, AllClose(inside(a) * octaves, 0.05));
  CHECK_THAT(inside(a).select(1, 0)[30].item<double>() - inside(a).select(1, 0)[4].item<double>(),
             WithinAbs(6 * std::log2((90 + 40 * 33.0 / 40) / (90 + 40 * 7.0 / 40)), 0.18));
  CHECK((a[0][3].item<double>() == -1 && a[40][3].item<double>() == 1));
  CHECK(melody_series(pitch_track(torch::zeros({400}))).narrow(1, 0, 2).abs().sum().item<double>() == 0);
}

TEST_CASE("mean_pitch_and_rate", "[preprocess]") {
  const auto syllables = [](double per_second) { return [=](double t) { return 0.15 + 0.85 * std::pow(std::sin(3.14159265 * per_second * t), 2); }; };
  for (const double per_second : {3.0, 5.0}) {
    const PitchAndRate found = mean_pitch_and_rate(pitch_track(voice(160, 160, 2.0, syllables(per_second))));
    CHECK_THAT(found.mean_hz, WithinRel(160, 0.01));
    CHECK_THAT(found.syllables_per_second, WithinAbs(per_second, 0.6));
  }
  CHECK(mean_pitch_and_rate(pitch_track(torch::zeros({4000}))).mean_hz == 0);
}
