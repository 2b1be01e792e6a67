// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core/error.hpp>
#include <alloy/core/random.hpp>
#include <alloy/preprocess/vibration_features.hpp>

#include <numbers>

using namespace alloy;

namespace {

constexpr int64_t kSamples = 2048;
constexpr double kRate = 2560, kShaft = 24.7;  // between two lines of the spectrum

Tensor seconds() { return torch::arange(kSamples, torch::kDouble) / kRate; }
Tensor sine(double hz, double amplitude, double phase = 0.3) { return amplitude * (2 * std::numbers::pi * hz * seconds() + phase).sin(); }

/// A feature of one record by its name.
double feature(const Tensor& record, std::string_view name, double shaft_hz = kShaft) {
  const Tensor row = vibration_features(record.unsqueeze(0), torch::tensor({shaft_hz}))[0];
  const auto at = std::ranges::find(kVibrationFeatures, name) - kVibrationFeatures.begin();
  return row[at].item<double>();
}

Tensor noise(uint64_t seed) {
  Random random(seed);
  Tensor out = torch::empty({kSamples}, torch::kDouble);
  for (int64_t i = 0; i < kSamples; ++i) out[i] = random.normal();
  return out;
}

}  // namespace

TEST_CASE("vibration features", "[preprocess]") {
  SECTION("shape, dtype, and rows that do not depend on one another") {
    const Tensor records = torch::stack({sine(kShaft, 1), sine(50, 2) + 0.1 * noise(1), noise(2)});
    const Tensor shafts = torch::tensor({kShaft, 25.0, 30.0});
    const Tensor all = vibration_features(records, shafts);
    CHECK(all.sizes() == at::IntArrayRef({3, 10}));
    CHECK(all.scalar_type() == torch::kDouble);
    for (int64_t i = 0; i < 3; ++i) CHECK_THAT(vibration_features(records.slice(0, i, i + 1), shafts.slice(0, i, i + 1))[0], AllClose(all[i]));
    CHECK_THAT(vibration_features(records.to(torch::kFloat), shafts), AllClose(all.to(torch::kFloat), 1e-3, 1e-3));
  }
  SECTION("amplitudes at orders, wherever they lie between lines") {
    for (const double shaft : {22.0, 24.7, 25.0, 29.9}) {
      const Tensor record = sine(shaft / 2, 0.2) + sine(shaft, 1.5, 1) + sine(2 * shaft, 0.7, 2) + sine(3 * shaft, 0.3) + sine(5 * shaft, 0.4) + 4.0;
      CHECK(feature(record, "half", shaft) == Approx(0.2).epsilon(0.02));
      CHECK(feature(record, "x1", shaft) == Approx(1.5).epsilon(0.01));
      CHECK(feature(record, "x2", shaft) == Approx(0.7).epsilon(0.01));
      CHECK(feature(record, "harmonics", shaft) == Approx(0.5).epsilon(0.02));
      CHECK(feature(record, "rms", shaft) == Approx(std::sqrt((0.04 + 2.25 + 0.49 + 0.25) / 2)).epsilon(0.01));
    }
  }
  SECTION("bands") {
    const Tensor record = sine(100, 3) + sine(450, 1) + sine(900, 2);
    CHECK(feature(record, "mid") == Approx(1 / std::sqrt(2)).epsilon(0.01));
    CHECK(feature(record, "high") == Approx(std::sqrt(2)).epsilon(0.01));
    CHECK(feature(noise(3), "mid") == Approx(std::sqrt(300 / 1280.0)).epsilon(0.1));  // white noise: the band's share of the power
  }
  SECTION("kurtosis and crest of the high band") {
    CHECK(feature(sine(900, 2), "kurtosis") == Approx(1.5).epsilon(0.03));
    CHECK(feature(sine(900, 2), "crest") == Approx(std::sqrt(2)).epsilon(0.05));
    CHECK(feature(noise(4), "kurtosis") == Approx(3).epsilon(0.1));
    Tensor impacts = 0.05 * noise(5);
    for (int64_t i = 40; i < kSamples; i += 200) impacts[i] += 3;
    CHECK(feature(impacts, "kurtosis") > 20);
    CHECK(feature(impacts, "crest") > 6);
    CHECK(feature(impacts + sine(kShaft, 5), "kurtosis") > 18);  // what the shaft does is not in the high band
  }
  SECTION("the envelope finds modulation that the spectrum of the shaft's orders does not show") {
    const double pit = 3.58 * kShaft;
    for (const double depth : {0.2, 0.8}) CHECK(feature((1 + sine(pit, depth)) * sine(900, 1), "envelope") == Approx(depth).epsilon(0.05));
    CHECK(feature(sine(900, 1), "envelope") < 0.02);
    CHECK(feature((1 + sine(kShaft, 0.8)) * sine(900, 1), "envelope") < 0.05);  // once a turn is below what is searched
  }
  SECTION("a record that is constant gives zeros") {
    CHECK_THAT(vibration_features(torch::full({1, 1024}, 3.5), torch::tensor({25.0})), AllClose(torch::zeros({1, 10})));
  }
  SECTION("what cannot be read") {
    const Tensor record = torch::zeros({1, 1024}), shaft = torch::tensor({25.0});
    CHECK_THROWS_WITH(vibration_features(torch::zeros({1, 512}), shaft), ContainsSubstring("at least 820 samples, got 512"));
    CHECK_THROWS_AS(vibration_features(record, torch::tensor({0.0})), DataError);
    CHECK_THROWS_AS(vibration_features(record, torch::tensor({NAN})), DataError);
    CHECK_THROWS_WITH(vibration_features(record, torch::tensor({500.0})), ContainsSubstring("slower than"));
    CHECK_THROWS_WITH(vibration_features(torch::full({1, 1024}, NAN), shaft), ContainsSubstring("finite records"));
    CHECK_THROWS_AS(vibration_features(torch::zeros({1024}), shaft), ShapeError);
    CHECK_THROWS_AS(vibration_features(record, torch::ones({2})), ShapeError);
    CHECK_THROWS_AS(vibration_features(record, shaft, {.high_hz = 2000}), ConfigError);
  }
}
