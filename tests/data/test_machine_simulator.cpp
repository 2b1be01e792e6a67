// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core/error.hpp>
#include <alloy/data/machine_simulator.hpp>
#include <alloy/preprocess/vibration_features.hpp>

#include <map>
#include <set>

using namespace alloy;

namespace {

/// Mean features of some bursts of one design, by name.
std::map<std::string_view, double> features(std::optional<MachineFault> fault, double severity, double speed = 1) {
  const MachineDesign design;
  Random random(11);
  std::vector<Tensor> bursts;
  for (int i = 0; i < 24; ++i) bursts.push_back(vibration_burst(design, {.speed = speed, .load = 0.9, .fault = fault, .severity = severity}, random));
  const Tensor mean = vibration_features(torch::stack(bursts), torch::full({24}, design.shaft_hz * speed)).mean(0);
  std::map<std::string_view, double> named;
  for (size_t i = 0; i < kVibrationFeatures.size(); ++i) named[kVibrationFeatures[i]] = mean[static_cast<int64_t>(i)].item<double>();
  return named;
}

}  // namespace

TEST_CASE("bursts carry the signature of their fault", "[data]") {
  const auto sound = features(std::nullopt, 0);
  const auto ratio = [&](MachineFault fault, std::string_view name, double severity = 1) {
    return features(fault, severity).at(name) / sound.at(name);
  };
  SECTION("what a fault raises most, and what it leaves") {
    CHECK(ratio(MachineFault::imbalance, "x1") > 2.2);
    CHECK(ratio(MachineFault::imbalance, "x2") == Approx(1).epsilon(0.1));
    CHECK(ratio(MachineFault::imbalance, "high") == Approx(1).epsilon(0.1));
    CHECK(ratio(MachineFault::misalignment, "x2") > 2.5);
    CHECK(ratio(MachineFault::misalignment, "x1") < 1.6);
    CHECK(ratio(MachineFault::looseness, "harmonics") > 1.8);
    CHECK(ratio(MachineFault::looseness, "half") > 3);
    CHECK(ratio(MachineFault::gear_wear, "mid") > 1.8);
    CHECK(ratio(MachineFault::gear_wear, "x1") == Approx(1).epsilon(0.1));
    CHECK(ratio(MachineFault::lubrication_loss, "high") > 1.6);
    CHECK(ratio(MachineFault::lubrication_loss, "kurtosis") == Approx(1).epsilon(0.15));
    CHECK(ratio(MachineFault::bearing_wear, "kurtosis") > 1.8);
    CHECK(ratio(MachineFault::bearing_wear, "crest") > 1.2);
    CHECK(ratio(MachineFault::bearing_wear, "envelope") > 2);
    CHECK(ratio(MachineFault::cavitation, "mid") > 1.4);
    for (const auto& [name, value] : features(MachineFault::cooling_loss, 1))
      CHECK(value == Approx(sound.at(name)).epsilon(0.02));  // only the motor gets warm
  }
  SECTION("it grows with severity, and imbalance with the square of the speed") {
    CHECK(ratio(MachineFault::imbalance, "x1", 0.2) > 1.1);
    CHECK(ratio(MachineFault::imbalance, "x1", 0.2) < ratio(MachineFault::imbalance, "x1", 0.6));
    const double whole = features(MachineFault::imbalance, 1).at("x1"), slow = features(MachineFault::imbalance, 1, 0.9).at("x1");
    CHECK(slow / whole == Approx(0.81).epsilon(0.03));
  }
  SECTION("lines of a worn gear lie around the mesh frequency, a turn apart") {
    Random random(3);
    const MachineDesign design{.shaft_hz = 25, .gear_teeth = 16};  // 400 Hz; lines of the spectrum are 2.5 Hz apart
    Tensor power = torch::zeros({513});
    for (int i = 0; i < 20; ++i)
      power += torch::fft_rfft(vibration_burst(design, {.fault = MachineFault::gear_wear, .severity = 1}, random)).abs().square();
    const double mesh = power[160].item<double>(), beside = power[165].item<double>();
    for (const int64_t side : {150, 170}) CHECK(power[side].item<double>() > 5 * beside);
    CHECK(mesh > 4 * power[150].item<double>());
  }
  SECTION("balls that pass backwards, never or without end are refused") {
    Random random(1);
    CHECK_THROWS_AS(vibration_burst({.bearing_ratio = -1}, {}, random), ConfigError);
    CHECK_THROWS_AS(vibration_burst({.shaft_hz = 0}, {}, random), ConfigError);
    CHECK_THROWS_AS(vibration_burst({.shaft_hz = 1e300}, {}, random), ConfigError);
  }
}

TEST_CASE("a simulated fleet", "[data]") {
  const MachineSimulatorOptions options{.machines = 4, .machines_per_plant = 2, .days = 12, .seed = 5};
  static const SimulatedFleet fleet = simulate_machines(options);  // once for all sections
  const MachineRecords& records = fleet.records;
  SECTION("is the same again, and a machine does not depend on how many there are") {
    MachineSimulatorOptions fewer = options;
    fewer.machines = 1;
    const SimulatedFleet one = simulate_machines(fewer);
    CHECK_THAT(torch::nan_to_num(one.records.machines[0].series.values, -1), SameBits(torch::nan_to_num(records.machines[0].series.values, -1)));
    CHECK(one.records.logs[0].text == records.logs[0].text);
  }
  SECTION("series have the rates, gaps and outages they should") {
    for (const MachineSeries& machine : records.machines) {
      const Tensor& v = machine.series.values;
      const double days = (machine.series.times[-1] - machine.series.times[0]).item<double>() / 86400;
      CHECK(days == Approx(options.days).epsilon(0.05));
      const auto measured = [&](int64_t channel) { return v.select(1, channel).isfinite().sum().item<double>(); };
      CHECK(measured(10) > 0.7 * 288 * days);
      CHECK(measured(10) < 288 * days);
      CHECK(measured(0) > 0.5 * 144 * days);
      const Tensor amps = v.select(1, 13), warm = v.select(1, 10);
      CHECK(amps.masked_select(amps.isfinite()).min().item<float>() == 0);  // it stands now and then
      CHECK(warm.masked_select(warm.isfinite()).max().item<float>() < 160);
    }
  }
  SECTION("episodes begin after the quiet days, end, and have one entry each") {
    REQUIRE(fleet.episodes.size() > 12);
    std::set<int64_t> logs;
    int64_t failures = 0;
    for (const SimulatedEpisode& episode : fleet.episodes) {
      CHECK(episode.start_s >= kSimulationStart + 2 * 86400);
      const double hours = (episode.stop_s - episode.start_s) / 3600;
      CHECK((hours > 2 && hours < 40));
      const MachineLog& log = records.logs.at(static_cast<size_t>(episode.log));
      CHECK((log.machine == records.machines[static_cast<size_t>(episode.machine)].machine && log.start_s == episode.start_s &&
             log.failure == episode.failure));
      CHECK(log.page == static_cast<int64_t>((episode.stop_s - kSimulationStart) / (4 * 86400)));
      logs.insert(episode.log);
      failures += episode.failure ? 1 : 0;
    }
    CHECK(logs.size() == fleet.episodes.size());
    CHECK((failures > 0 && failures < std::ssize(fleet.episodes)));
  }
  SECTION("the motor is warm when cooling fails, the bearing when grease does") {
    std::map<MachineFault, std::pair<double, double>> rise;  // of motor and bearing over the air, at the end
    std::map<MachineFault, int> count;
    for (const SimulatedEpisode& episode : fleet.episodes) {
      const Series& s = records.machines[static_cast<size_t>(episode.machine)].series;
      const Tensor last = s.times.gt(episode.stop_s - 5400).logical_and(s.times.le(episode.stop_s)).logical_and(s.values.select(1, 10).isfinite());
      if (last.sum().item<int64_t>() < 5) continue;
      const Tensor v = s.values.index({last}).mean(0);
      rise[episode.fault].first += (v[10] - v[12]).item<double>(), rise[episode.fault].second += (v[11] - v[12]).item<double>();
      ++count[episode.fault];
    }
    for (auto& [fault, sum] : rise) sum.first /= count[fault], sum.second /= count[fault];
    if (count[MachineFault::cooling_loss] > 0 && count[MachineFault::imbalance] > 0)
      CHECK(rise[MachineFault::cooling_loss].first > rise[MachineFault::imbalance].first + 8);
    if (count[MachineFault::lubrication_loss] > 0 && count[MachineFault::imbalance] > 0)
      CHECK(rise[MachineFault::lubrication_loss].second > rise[MachineFault::imbalance].second + 5);
    CHECK(rise.size() >= 4);
  }
  SECTION("stamps are off by hours and some are missing; texts differ") {
    const SimulatedFleet large = simulate_machines({.machines = 5, .days = 10, .seed = 6, .routine_every_h = 3});
    double squares = 0, stamped = 0;
    for (const SimulatedEpisode& episode : large.episodes)
      if (const MachineLog& log = large.records.logs[static_cast<size_t>(episode.log)]; log.stamped())
        squares += std::pow((log.time_s - episode.stop_s) / 3600, 2), ++stamped;
    CHECK(std::sqrt(squares / stamped) == Approx(2).epsilon(0.3));
    std::set<std::string> texts;
    double missing = 0;
    for (const MachineLog& log : large.records.logs) texts.insert(log.text), missing += log.stamped() ? 0 : 1;
    CHECK(missing / static_cast<double>(large.records.logs.size()) == Approx(0.25).margin(0.05));
    CHECK(texts.size() > large.records.logs.size() / 3);
  }
  SECTION("options out of range") {
    CHECK_THROWS_WITH(simulate_machines({.machines = 0}), ContainsSubstring("machines in 1..1000, got 0"));
    CHECK_THROWS_AS(simulate_machines({.days = 1}), ConfigError);
    CHECK_THROWS_AS(simulate_machines({.failures = 1.5}), ConfigError);
    CHECK_THROWS_AS(simulate_machines({.stamp_jitter_h = -1}), ConfigError);
  }
}
