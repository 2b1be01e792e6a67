// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core/random.hpp>
#include <alloy/core/threads.hpp>
#include <alloy/data/two_recordings.hpp>

#include <cmath>
#include <numbers>

using namespace alloy;

TEST_CASE("record_twice knows delay and drift exactly", "[data]") {
  const ThreadScope one(1);
  // Tones are known at every moment: the second recording must be those tones on its own clock.
  const int64_t rate = 16'000;
  const auto event_at = [](const Tensor& seconds) {
    return (at::sin(seconds * 2 * std::numbers::pi * 440.25) + at::sin(seconds * 2 * std::numbers::pi * 5100.5 + 1)) / 4;
  };
  const Tensor event = event_at(at::arange(6 * rate, torch::kDouble) / rate).to(torch::kFloat);
  for (const auto& [delay, drift] : {std::pair{1.5, 50.0}, {-0.7, -123.4}}) {
    INFO(delay << " s " << drift << " ppm");
    const TwoRecordings two = record_twice(event, rate, {.seconds = 4, .delay_seconds = delay, .drift_ppm = drift, .snr_db = 100, .room_seconds = 0});
    CHECK_THAT(two.delay_seconds, WithinAbs(delay, 0.5 / rate + 1e-9));
    CHECK_THAT(two.drift_ppm, WithinAbs(drift, 1e-3));
    CHECK(two.first.size(0) == 4 * rate);
    const double started = std::max(two.delay_seconds / (1 + two.drift_ppm * 1e-6), 0.0);  // of the first, on the event's clock
    CHECK_THAT(two.first.to(torch::kDouble), AllClose(event_at(at::arange(4 * rate, torch::kDouble) / rate + started), 1e-4));
    const Tensor own = at::arange(two.second.size(0), torch::kDouble) / rate;
    const Tensor expected = event_at((own - two.delay_seconds) / (1 + two.drift_ppm * 1e-6) + started);
    CHECK((two.second - expected).narrow(0, 200, two.second.size(0) - 400).abs().max().item<double>() < 1e-3);
  }
}

TEST_CASE("record_twice adds rooms and noise of each device's own", "[data]") {
  const ThreadScope one(1);
  torch::manual_seed(1);
  const Tensor event = torch::randn({32'000}) * 0.1;
  const TwoRecordings plain = record_twice(event, 8000, {.seconds = 2, .delay_seconds = 0, .drift_ppm = 0, .snr_db = 10, .room_seconds = 0});
  const auto noise = [&](const Tensor& x) { return x - event.narrow(0, 0, 16'000); };
  CHECK_THAT(10 * std::log10(event.narrow(0, 0, 16'000).square().mean().item<double>() / noise(plain.first).square().mean().item<double>()),
             WithinAbs(10, 0.05));
  CHECK_FALSE(at::equal(noise(plain.first), noise(plain.second)));
  const TwoRecordings rooms = record_twice(event, 8000, {.seconds = 2, .delay_seconds = 0, .drift_ppm = 0, .snr_db = 100, .room_seconds = 0.2});
  const double echoes = noise(rooms.first).square().mean().item<double>() / event.square().mean().item<double>();
  CHECK_THAT(echoes, WithinAbs(0.25, 0.05));  // half of the amplitude
  CHECK_FALSE(at::equal(rooms.first, rooms.second));
  CHECK_THAT(record_twice(event, 8000, {.seconds = 2, .seed = 3}).second, SameBits(record_twice(event, 8000, {.seconds = 2, .seed = 3}).second));
  CHECK_THROWS_AS(record_twice(event, 8000, {.seconds = 5}), ShapeError);
  CHECK_THROWS_AS(record_twice(event, 8000, {.seconds = 0}), ConfigError);
  CHECK_THROWS_AS(record_twice(event.to(torch::kDouble), 8000, {.seconds = 2}), ShapeError);
}

TEST_CASE("spoken_event lays words one after another", "[data]") {
  SpeechBank bank{.options = {.sample_rate_hz = 1000},
                  .waveforms = torch::full({1, 1, 1, 2, 300}, 16384, torch::kShort),
                  .lengths = torch::tensor({100, 300}).view({1, 1, 1, 2})};
  const Tensor event = spoken_event(bank, 30, 1);
  REQUIRE(event.sizes() == at::IntArrayRef({30'000}));
  const double share = event.eq(0.5).to(torch::kDouble).mean().item<double>();
  CHECK((share > 0.1 && share < 0.4));  // 200 samples in every 1,000 or so
  CHECK(event.eq(0).any().item<bool>());
  CHECK(event.ne(0).logical_and(event.ne(0.5)).any().item<bool>());  // knocks
  CHECK(at::equal(event, spoken_event(bank, 30, 1)));
  CHECK_FALSE(at::equal(event, spoken_event(bank, 30, 2)));
}
