// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alignment/delay.hpp>
#include <alloy/core/random.hpp>
#include <alloy/core/threads.hpp>

#include <cmath>
#include <limits>
#include <numbers>

using namespace alloy;

namespace {

constexpr double kRate = 8000;

/// Sound that is known at every moment, not only at samples: 25 short wave packets a second, from 200 Hz to 2.5 kHz.
class Sound {
 public:
  explicit Sound(uint64_t seed) {
    Random random(seed);
    for (double time = -5; time < 20; time += random.uniform(0, 0.08))
      packets_.push_back({time, random.uniform(200, 2500), random.uniform(0.8e-3, 3e-3), random.uniform(0, 6.28), random.uniform(0.2, 1)});
  }
  /// A recording whose clock shows delay + (1 + drift) t at the event's time t.
  Tensor recorded(int64_t samples, double delay = 0, double drift_ppm = 0) const {
    Tensor out = torch::zeros({samples}, torch::kDouble);
    const double speed = 1 + drift_ppm * 1e-6;
    for (const auto& [time, hz, width, phase, height] : packets_) {
      const double middle = (delay + speed * time) * kRate, reach = 7 * width * kRate;
      const auto from = static_cast<int64_t>(std::max(0.0, middle - reach)), to = std::min(samples, static_cast<int64_t>(middle + reach));
      for (int64_t i = from; i < to; ++i) {
        const double apart = (static_cast<double>(i) - middle) / kRate / speed;
        out.mutable_data_ptr<double>()[i] +=
            height * std::exp(-apart * apart / (2 * width * width)) * std::cos(2 * std::numbers::pi * hz * apart + phase);
      }
    }
    return out;
  }

 private:
  std::vector<std::array<double, 5>> packets_;
};

Tensor with_noise(const Tensor& x, double snr_db, uint64_t seed) {
  torch::manual_seed(seed);
  return x + torch::randn_like(x) * x.std() * std::pow(10, -snr_db / 20);
}

/// The largest error over the first `seconds`, in samples.
double samples_off(const DelayEstimate& found, double delay, double drift_ppm, double seconds) {
  const auto error = [&](double t) { return std::abs(found.second_time(t) - (delay + (1 + drift_ppm * 1e-6) * t)) * kRate; };
  return std::max(error(0), error(seconds));
}

const DelayOptions kQuick{.sample_rate_hz = kRate, .max_delay_seconds = 2, .window_seconds = 1};

}  // namespace

TEST_CASE("estimate_delay", "[alignment]") {
  const ThreadScope one(1);
  const Sound sound(1);
  const Tensor first = sound.recorded(80'000);  // 10 s
  SECTION("between samples, without drift") {
    for (const double delay : {0.25, -0.777777}) {
      INFO(delay);
      for (const DelayMethod method : {DelayMethod::phat, DelayMethod::correlation}) {
        const DelayEstimate found = estimate_delay(first, sound.recorded(80'000, delay),
                                                   {.sample_rate_hz = kRate, .method = method, .max_delay_seconds = 2, .window_seconds = 1});
        CHECK(samples_off(found, delay, 0, 10) < 0.02);
        CHECK(found.confidence > 0.5);
        CHECK(found.correlation > 0.5);
      }
    }
  }
  SECTION("with drift and noise") {
    for (const auto& [delay, drift] : {std::pair{0.31234, 87.0}, {-1.5, -150.0}, {1.7, 20.0}}) {
      INFO(delay << " s, " << drift << " ppm");
      const DelayEstimate found = estimate_delay(with_noise(first, 10, 1), with_noise(sound.recorded(80'000, delay, drift), 10, 2), kQuick);
      CHECK(samples_off(found, delay, drift, 10) < 0.2);
      CHECK(std::abs(found.drift_ppm - drift) < 2);
      CHECK(found.drift_error_ppm < 2);
      CHECK(std::abs(found.drift_ppm - drift) < 5 * found.drift_error_ppm);
      CHECK(std::abs(found.delay_seconds - delay) < 5 * found.delay_error_seconds);
    }
  }
  SECTION("the other way round it is the inverse") {
    const Tensor second = sound.recorded(80'000, 0.4, 60);
    const DelayEstimate there = estimate_delay(first, second, kQuick), back = estimate_delay(second, first, kQuick);
    CHECK_THAT(back.second_time(there.second_time(3.0)), WithinAbs(3.0, 0.05 / kRate));
    CHECK_THAT(there.first_time(there.second_time(3.0)), WithinAbs(3.0, 1e-12));
  }
  SECTION("upside down") {
    const DelayEstimate found = estimate_delay(first, -sound.recorded(80'000, 0.4, 60), kQuick);
    CHECK(samples_off(found, 0.4, 60, 10) < 0.05);
    CHECK(found.correlation < -0.5);
  }
  SECTION("lengths and starts that differ") {
    const DelayEstimate found =
        estimate_delay(first.narrow(0, 24'000, 40'000), sound.recorded(64'000, 0.5, 60), kQuick);  // delay at 3 s of the event
    CHECK(samples_off(found, 0.5 + (1 + 60e-6) * 3, 60, 5) > 1000);                                // out of reach of two seconds
    const DelayOptions wide{.sample_rate_hz = kRate, .max_delay_seconds = 5, .window_seconds = 1};
    const DelayEstimate all = estimate_delay(first.narrow(0, 24'000, 40'000), sound.recorded(64'000, 0.5, 60), wide);
    CHECK(samples_off(all, 0.5 + (1 + 60e-6) * 3, 60, 5) < 0.1);
    CHECK(all.confidence > 2 * found.confidence);
  }
  SECTION("blocks of lags: a delay many windows away") {
    const DelayOptions far{.sample_rate_hz = kRate, .max_delay_seconds = 40, .window_seconds = 0.5};
    const Tensor second = at::cat({torch::randn({250'000}, torch::kDouble), sound.recorded(80'000, 0, -40)});
    CHECK(samples_off(estimate_delay(first, second, far), 31.25, -40, 10) < 0.1);
  }
  SECTION("stretches that hold something else are outliers") {
    Tensor second = sound.recorded(80'000, 0.4, 60);
    second.narrow(0, 20'000, 24'000) = Sound(2).recorded(24'000) * 3;
    const DelayEstimate found = estimate_delay(first, second, kQuick);
    CHECK(samples_off(found, 0.4, 60, 10) < 0.1);
    for (const DelayWindow& w : found.windows)
      if (w.seconds > 3 && w.seconds < 4.5) CHECK(w.weight < 0.3);
  }
  SECTION("clocks of equal speed, if told so") {
    DelayOptions options = kQuick;
    options.drift = DriftModel::none;
    const DelayEstimate found = estimate_delay(first, sound.recorded(80'000, 0.4), options);
    CHECK((found.drift_ppm == 0 && found.drift_error_ppm == 0));
    CHECK(samples_off(found, 0.4, 0, 10) < 0.02);
  }
  SECTION("from one window: no drift, and it says so") {
    const DelayEstimate found = estimate_delay(first.narrow(0, 0, 8000), sound.recorded(16'000, 0.4), kQuick);
    CHECK(samples_off(found, 0.4, 0, 1) < 0.05);
    CHECK((found.drift_ppm == 0 && std::isinf(found.drift_error_ppm) && std::isinf(found.delay_error_seconds)));
    DelayOptions options = kQuick;
    options.drift = DriftModel::none;
    const DelayEstimate equal = estimate_delay(first.narrow(0, 0, 8000), sound.recorded(16'000, 0.4), options);
    CHECK((equal.drift_error_ppm == 0 && std::isinf(equal.delay_error_seconds)));
  }
  SECTION("a recording and itself: no error smaller than a hundredth of a sample") {
    const DelayEstimate found = estimate_delay(first, first, kQuick);
    CHECK_THAT(found.delay_seconds, WithinAbs(0, 1e-5 / kRate));
    CHECK((found.delay_error_seconds * kRate >= 0.01 && found.delay_error_seconds * kRate < 0.02));
    CHECK((found.drift_error_ppm > 0 && found.drift_error_ppm < 1));
  }
  SECTION("recordings that share less than a window") {
    const DelayEstimate found = estimate_delay(first.narrow(0, 0, 12'000), sound.recorded(12'000, 0.4), {.sample_rate_hz = kRate, .max_delay_seconds = 1, .window_seconds = 2});
    CHECK_FALSE(found.windows.empty());
    CHECK(samples_off(found, 0.4, 0, 1) < 0.05);
  }
  SECTION("same bits again, and float is enough") {
    const Tensor second = sound.recorded(80'000, 0.4, 60);
    const DelayEstimate a = estimate_delay(first, second, kQuick), b = estimate_delay(first, second, kQuick);
    CHECK((a.delay_seconds == b.delay_seconds && a.drift_ppm == b.drift_ppm));
    CHECK(samples_off(estimate_delay(first.to(torch::kFloat), second.to(torch::kFloat), kQuick), 0.4, 60, 10) < 0.05);
  }
}

TEST_CASE("the confidence of a delay", "[alignment]") {
  const ThreadScope one(1);
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    const Tensor a = with_noise(Sound(seed).recorded(40'000), 10, seed), b = with_noise(Sound(seed + 100).recorded(40'000), 10, seed + 100);
    CHECK(estimate_delay(a, b, kQuick).confidence < 0.2);
    CHECK(estimate_delay(torch::randn({40'000}), torch::randn({40'000}), kQuick).confidence < 0.2);
    CHECK(estimate_delay(a, with_noise(Sound(seed).recorded(40'000, 0.3), 10, seed + 200), kQuick).confidence > 0.35);
  }
  const Tensor tone = at::sin(at::arange(40'000, torch::kDouble) * 0.1 * std::numbers::pi);  // many delays fit equally well
  CHECK(estimate_delay(tone, tone, {.sample_rate_hz = kRate, .method = DelayMethod::correlation, .max_delay_seconds = 1, .window_seconds = 1})
            .confidence < 0.1);
}

TEST_CASE("delay of slow signals", "[alignment]") {
  const ThreadScope one(1);
  // What a heart rate or a temperature does: 4 samples a second, changes over minutes.
  const double rate = 4;
  Random random(4);
  std::vector<std::array<double, 3>> waves;
  for (int i = 0; i < 40; ++i) waves.push_back({random.uniform(0.002, 0.1), random.uniform(0, 6.28), random.normal()});
  const auto signal = [&](double delay, double drift) {
    const Tensor t = (at::arange(4800, torch::kDouble) / rate - delay) / (1 + drift * 1e-6);
    Tensor sum = torch::zeros_like(t);
    for (const auto& [hz, phase, height] : waves) sum += height * at::sin(2 * std::numbers::pi * hz * t + phase);
    return sum + 37;
  };
  const DelayEstimate found = estimate_delay(
      signal(0, 0), signal(12.34, 500),
      {.sample_rate_hz = rate, .method = DelayMethod::correlation, .max_delay_seconds = 60, .max_drift_ppm = 2000, .window_seconds = 120});
  CHECK_THAT(found.delay_seconds, WithinAbs(12.34, 0.02));
  CHECK_THAT(found.drift_ppm, WithinAbs(500, 20));
}

TEST_CASE("undo_delay", "[alignment]") {
  const ThreadScope one(1);
  const Sound sound(5);
  DelayEstimate known;
  known.delay_seconds = 0.5;
  known.drift_ppm = 120;
  const UndoneDelay out = undo_delay(sound.recorded(16'000, 0.5, 120), known, kRate, 16'000);
  CHECK(out.values.scalar_type() == torch::kDouble);
  const Tensor expected = sound.recorded(16'000);
  const int64_t last = static_cast<int64_t>((2.0 - 1 / kRate - 0.5) / (1 + 120e-6) * kRate);
  CHECK(at::equal(out.mask, at::arange(16'000) <= last));
  CHECK((out.values - expected).narrow(0, 40, last - 80).abs().max().item<double>() < 2e-4 * expected.abs().max().item<double>());
  CHECK(out.values.narrow(0, last + 1, 100).abs().max().item<double>() == 0);
  CHECK_THROWS_AS(undo_delay(torch::zeros({2, 3}), known, kRate, 10), ShapeError);
  CHECK_THROWS_AS(undo_delay(torch::zeros({20}), known, 0, 10), ConfigError);
  CHECK_THROWS_AS(undo_delay(torch::zeros({20}), known, kRate, 0), ConfigError);
}

TEST_CASE("delay of what is no pair of signals", "[alignment]") {
  const ThreadScope one(1);
  const Tensor good = torch::randn({400});
  Tensor bad = good.clone();
  bad[17] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH(estimate_delay(good, bad), ContainsSubstring("finite samples in second, got nan at sample 17"));
  CHECK_THROWS_WITH(estimate_delay(torch::full({400}, 0.1), good), ContainsSubstring("varies in first"));
  CHECK_THROWS_WITH(estimate_delay(good.narrow(0, 0, 1), good), ContainsSubstring("at least 16 samples in first, got 1"));
  CHECK_THROWS_AS(estimate_delay(torch::zeros({2, 400}), good), ShapeError);
  CHECK_THROWS_AS(estimate_delay(torch::zeros({400}, torch::kLong), good), ShapeError);
  CHECK_THROWS_AS(estimate_delay(good, good, {.sample_rate_hz = -1}), ConfigError);
  CHECK_THROWS_AS(estimate_delay(good, good, {.max_drift_ppm = 1e5}), ConfigError);
  CHECK_THROWS_AS(estimate_delay(good, good, {.window_seconds = 0}), ConfigError);
  CHECK(std::isfinite(estimate_delay(good.narrow(0, 0, 16), good).delay_seconds));
  Tensor clicks = torch::zeros({4000});  // silence but for one sample
  clicks[2000] = 1;
  const DelayEstimate found = estimate_delay(clicks, clicks.roll(37), {.sample_rate_hz = 1000, .max_delay_seconds = 1, .window_seconds = 0.5});
  CHECK_THAT(found.delay_seconds, WithinAbs(0.037, 1e-4));
}
