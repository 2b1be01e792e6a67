// SPDX-License-Identifier: Apache-2.0
#include <alloy/data/machine_simulator.hpp>

#include "data/detail/machine_burst.hpp"
#include "data/detail/machine_phrases.hpp"

#include <alloy/core/threads.hpp>
#include <alloy/preprocess/vibration_features.hpp>

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace alloy {

namespace {

constexpr double kHour = 3600, kDay = 86400, kMinute = 60;
constexpr double kQuietHours = 48, kLeastGapHours = 8;
constexpr int64_t kMinutesABurst = 10, kMinutesATemperature = 5;
constexpr size_t kVibration = kVibrationFeatures.size();
const std::vector<std::string> kSlow = {"temperature.motor", "temperature.bearing", "temperature.ambient", "load.current"};

/// What a machine does from minute to minute.
class Machine {
 public:
  Machine(const MachineSimulatorOptions& options, Random& random) : options_(options), random_(random) {
    next_fault_ = (kQuietHours + gap()) * kHour;
    ambient_ = random_.uniform(14, 24), season_phase_ = kDay * 15, weather_ = random_.normal() * 2.5;
    motor_ = bearing_ = ambient_;
    motor_rise_ = random_.uniform(28, 40), bearing_rise_ = random_.uniform(16, 24), amps_ = random_.uniform(14, 30);
    change_state(0);
  }

  /// Goes on to `time` seconds from the start, a minute after the last call. Returns true if an episode ended there.
  bool step(double time) {
    if (time >= state_ends_) change_state(time);
    if (!condition_.fault && time >= next_fault_ && running()) begin(time);
    bool ended = false;
    if (condition_.fault && running()) {
      progress_ += kMinute / duration_;
      condition_.severity = strength_ * std::pow(std::min(progress_, 1.0), shape_);
      ended = progress_ >= last_progress_;
    }
    if (ended) stop(time);
    drift_ += 0.002 * random_.normal() - drift_ * (kMinute / (3 * kDay));
    warm(time);
    return ended;
  }

  bool running() const { return condition_.load > 0; }
  const MachineCondition& condition() const { return condition_; }
  double gain() const { return std::exp(drift_); }
  const SimulatedEpisode& episode() const { return episode_; }
  double motor() const { return motor_; }
  double bearing() const { return bearing_; }
  double air() const { return air_; }
  double amps() {
    const double cavitation = of(MachineFault::cavitation);
    double load = 0.35 + 0.65 * condition_.load;
    load *= 1 - 0.07 * cavitation + 0.025 * cavitation * random_.normal() + 0.03 * of(MachineFault::lubrication_loss) +
            0.02 * of(MachineFault::gear_wear);
    return running() ? amps_ * load * (1 + 0.015 * random_.normal()) : 0.0;
  }

 private:
  double exponential(double mean) { return -mean * std::log(1 - random_.uniform()); }
  double gap() { return kLeastGapHours + exponential(options_.gap_h); }
  double of(MachineFault fault) const { return condition_.fault == fault ? condition_.severity : 0.0; }

  void change_state(double time) {
    const double u = random_.uniform();
    if (u < 0.06) condition_.load = 0;
    else if (u < 0.25) condition_.speed = 0.9, condition_.load = random_.uniform(0.25, 0.45);
    else if (u < 0.6) condition_.speed = 0.95, condition_.load = random_.uniform(0.5, 0.75);
    else condition_.speed = 1, condition_.load = random_.uniform(0.85, 1);
    state_ends_ = time + kHour * (running() ? 1 + exponential(3) : random_.uniform(0.5, 1.5));
  }

  void begin(double time) {
    condition_.fault = static_cast<MachineFault>(random_.below(static_cast<int64_t>(enum_names(MachineFault{}).size())));
    progress_ = 0, condition_.severity = 0;
    duration_ = kHour * random_.uniform(5, 14), shape_ = random_.uniform(1, 2), strength_ = std::exp(0.25 * random_.normal());
    const bool failure = random_.chance(options_.failures);
    last_progress_ = failure ? 1.0 : random_.uniform(0.65, 0.95);
    episode_ = {.fault = *condition_.fault, .start_s = time, .failure = failure};
  }

  void stop(double time) {
    episode_.stop_s = time;
    condition_.fault.reset();
    condition_.severity = condition_.load = 0;
    state_ends_ = time + kHour * random_.uniform(0.5, 1.5);
    next_fault_ = state_ends_ + gap() * kHour;
  }

  void warm(double time) {
    weather_ += -weather_ * (kMinute / (2 * kDay)) + 2.5 * std::sqrt(2 * kMinute / (2 * kDay)) * random_.normal();
    air_ = ambient_ + weather_ - 8 * std::cos(2 * std::numbers::pi * (time - season_phase_) / (365 * kDay)) +
           4 * std::sin(2 * std::numbers::pi * (time / kDay - 0.37));
    const double load = condition_.load, on = running() ? 1.0 : 0.0;
    const double motor = air_ + on * motor_rise_ * (0.25 + 0.75 * load * load) * (1 + 0.8 * of(MachineFault::cooling_loss));
    const double fault = 14 * of(MachineFault::lubrication_loss) + 4 * of(MachineFault::misalignment) +
                         8 * std::pow(of(MachineFault::bearing_wear), 2) + 3 * of(MachineFault::cooling_loss);
    const double bearing = air_ + on * (bearing_rise_ * (0.55 + 0.45 * load) + fault);
    motor_ += (motor - motor_) / 45;  // time constants of 45 and 30 minutes
    bearing_ += (bearing - bearing_) / 30;
  }

  const MachineSimulatorOptions& options_;
  Random& random_;
  MachineCondition condition_;
  SimulatedEpisode episode_;
  double next_fault_ = 0, state_ends_ = 0, progress_ = 0, last_progress_ = 1, duration_ = 1, shape_ = 1, strength_ = 1, drift_ = 0;
  double ambient_ = 20, season_phase_ = 0, weather_ = 0, air_ = 20, motor_ = 20, bearing_ = 20, motor_rise_ = 35, bearing_rise_ = 20, amps_ = 20;
};

/// When a logger says nothing for hours.
class Outages {
 public:
  Outages(double every_h, Random& random) : every_s_(every_h * kHour), random_(random) { plan(0); }
  bool silent(double time) {
    if (every_s_ > 0 && time > end_) plan(time);
    return every_s_ > 0 && time >= begin_;
  }

 private:
  void plan(double time) {
    begin_ = time - every_s_ * std::log(1 - random_.uniform());
    end_ = begin_ + kHour * std::pow(20.0, random_.uniform());
  }
  double every_s_, begin_ = 0, end_ = 0;
  Random& random_;
};

/// Bursts that wait for their features, which are taken of many at once.
struct Bursts {
  std::vector<float> waves, shaft_hz;
  std::vector<size_t> rows;
};

struct Table {
  std::vector<double> times;
  std::vector<float> values;  // [T, C]
  float* add(double time, size_t channels) {
    times.push_back(time);
    values.resize(values.size() + channels, NAN);
    return values.data() + values.size() - channels;
  }
};

void take_features(Bursts& bursts, Table& table, size_t channels, Random& random) {
  if (bursts.rows.empty()) return;
  const auto count = static_cast<int64_t>(bursts.rows.size());
  const Tensor features = vibration_features(torch::from_blob(bursts.waves.data(), {count, kBurstSamples}),
                                             torch::from_blob(bursts.shaft_hz.data(), {count}), {.sample_rate_hz = kBurstRateHz})
                              .contiguous();
  const float* in = features.const_data_ptr<float>();
  for (const size_t row : bursts.rows)
    for (size_t c = 0; c < kVibration; ++c, ++in)
      if (!random.chance(0.005)) table.values[row * channels + c] = *in;
  bursts = {};
}

MachineDesign draw_design(Random& random) {
  return {.shaft_hz = random.uniform(24, 29),
          .gear_teeth = 14 + random.below(6),
          .bearing_ratio = random.uniform(3.1, 4.9),
          .resonance_hz = random.uniform(750, 1000),
          .gain = std::exp(0.25 * random.normal())};
}

/// Readings of a temperature as its logger writes them.
float degrees(double value, Random& random) { return static_cast<float>(std::round(10 * (value + 0.25 * random.normal())) / 10); }

struct Story {
  Series series;
  std::vector<SimulatedEpisode> episodes;
};

Story tell(const MachineSimulatorOptions& options, const MachineDesign& design, Random& random) {
  const size_t channels = kVibration + kSlow.size();
  Machine machine(options, random);
  Outages vibration(options.outage_every_h, random), slow(options.outage_every_h, random);
  const double clock_error = random.uniform(-40, 40);  // between the two loggers
  Story story;
  Table table;
  Bursts bursts;
  const auto minutes = static_cast<int64_t>(options.days * 24 * 60);
  for (int64_t minute = 0; minute < minutes; ++minute) {
    const double time = kMinute * static_cast<double>(minute);
    if (machine.step(time)) {
      story.episodes.push_back(machine.episode());
      story.episodes.back().start_s += kSimulationStart, story.episodes.back().stop_s += kSimulationStart;
    }
    if (minute % kMinutesATemperature == 0 && !slow.silent(time) && !random.chance(0.01)) {
      float* row = table.add(std::round(kSimulationStart + time + random.uniform(0, 20)), channels) + kVibration;
      row[0] = degrees(machine.motor(), random), row[1] = degrees(machine.bearing(), random), row[2] = degrees(machine.air(), random);
      row[3] = static_cast<float>(std::round(100 * machine.amps()) / 100);
    }
    if (minute % kMinutesABurst == 3 && machine.running() && !vibration.silent(time) && !random.chance(0.01)) {
      MachineDesign drifted = design;
      drifted.gain *= machine.gain();
      bursts.waves.resize(bursts.waves.size() + kBurstSamples);
      detail::fill_burst(drifted, machine.condition(), random,
                         std::span<float, kBurstSamples>(bursts.waves.end() - kBurstSamples, bursts.waves.end()));
      bursts.shaft_hz.push_back(static_cast<float>(design.shaft_hz * machine.condition().speed));
      bursts.rows.push_back(table.times.size());
      table.add(std::round(kSimulationStart + time + clock_error + random.uniform(0, 60)), channels);
      if (bursts.rows.size() == 256) take_features(bursts, table, channels, random);
    }
  }
  take_features(bursts, table, channels, random);
  const auto rows = static_cast<int64_t>(table.times.size());
  story.series = sort_and_merge({.times = torch::tensor(table.times, torch::kDouble),
                                 .values = torch::tensor(table.values, torch::kFloat).view({rows, static_cast<int64_t>(channels)})});
  return story;
}

/// A log book of one machine: entries as they were written, in order of the book.
std::vector<MachineLog> write_log(const MachineSimulatorOptions& options, const std::string& name, std::vector<SimulatedEpisode>& episodes,
                                  const std::vector<detail::Technician>& staff, Random& random) {
  struct Written {
    double time;
    int64_t episode;
  };
  std::vector<Written> entries;
  for (size_t i = 0; i < episodes.size(); ++i) entries.push_back({episodes[i].stop_s, static_cast<int64_t>(i)});
  for (double time = 0; (time -= options.routine_every_h * kHour * std::log(1 - random.uniform())) < options.days * kDay;)
    entries.push_back({kSimulationStart + time, -1});
  std::ranges::sort(entries, {}, &Written::time);
  std::vector<MachineLog> logs;
  for (const Written& entry : entries) {
    const detail::Technician& by = staff[static_cast<size_t>(random.below(std::ssize(staff)))];
    MachineLog log{.machine = name, .page = static_cast<int64_t>((entry.time - kSimulationStart) / (options.page_days * kDay))};
    if (!random.chance(options.missing_stamps))
      log.time_s = kMinute * std::round((entry.time + options.stamp_jitter_h * kHour * random.normal()) / kMinute);
    if (entry.episode >= 0) {
      SimulatedEpisode& episode = episodes[static_cast<size_t>(entry.episode)];
      log.text = random.chance(options.unspecific) ? detail::unspecific_entry(by, random) : detail::fault_entry(episode.fault, by, random);
      log.start_s = episode.start_s, log.stop_s = episode.stop_s, log.failure = episode.failure;
      episode.log = static_cast<int64_t>(logs.size());
    } else {
      log.text = detail::routine_entry(by, random);
    }
    logs.push_back(std::move(log));
  }
  return logs;
}

}  // namespace

void MachineSimulatorOptions::validate() const {
  const auto refuse = [](bool good, std::string_view what, double got) {
    check<ConfigError>(good, "[MachineSimulator] expected {}, got {}", {what, got});
  };
  refuse(machines >= 1 && machines <= 1000, "machines in 1..1000", static_cast<double>(machines));
  refuse(machines_per_plant > 0, "machines_per_plant > 0", static_cast<double>(machines_per_plant));
  refuse(days >= 4 && days <= 1000, "days in 4..1000", days);
  refuse(gap_h > 0 && gap_h <= 1e4, "gap_h in 0..10000, not 0", gap_h);
  refuse(failures >= 0 && failures <= 1, "failures in 0..1", failures);
  refuse(routine_every_h >= 0.1 && routine_every_h <= 1e4, "routine_every_h in 0.1..10000", routine_every_h);
  refuse(stamp_jitter_h >= 0 && stamp_jitter_h <= 48, "stamp_jitter_h in 0..48", stamp_jitter_h);
  refuse(missing_stamps >= 0 && missing_stamps <= 1, "missing_stamps in 0..1", missing_stamps);
  refuse(unspecific >= 0 && unspecific <= 1, "unspecific in 0..1", unspecific);
  refuse(page_days > 0, "page_days > 0", page_days);
  refuse(outage_every_h >= 0, "outage_every_h >= 0", outage_every_h);
}

Tensor vibration_burst(const MachineDesign& design, const MachineCondition& condition, Random& random) {
  Tensor wave = torch::empty({kBurstSamples}, torch::kFloat);
  detail::fill_burst(design, condition, random, std::span<float, kBurstSamples>(wave.mutable_data_ptr<float>(), kBurstSamples));
  return wave;
}

SimulatedFleet simulate_machines(const MachineSimulatorOptions& options) {
  options.validate();
  const SerialScope alone;  // its tensors are small
  SimulatedFleet fleet;
  for (const std::string_view name : kVibrationFeatures) fleet.records.channels.push_back("vibration." + std::string(name));
  fleet.records.channels.insert(fleet.records.channels.end(), kSlow.begin(), kSlow.end());
  constexpr int64_t kStaff = 3;
  for (int64_t m = 0; m < options.machines; ++m) {
    const auto seed = static_cast<uint64_t>(options.seed), number = static_cast<uint64_t>(m),
               plant = static_cast<uint64_t>(m / options.machines_per_plant);
    Random hiring(mix_seed({seed, plant, 1})), building(mix_seed({seed, number, 2})), living(mix_seed({seed, number, 3})),
        writing(mix_seed({seed, number, 4}));
    std::vector<detail::Technician> staff;
    for (int64_t i = 0; i < kStaff; ++i) staff.push_back(detail::draw_technician(hiring));
    const std::string name = "plant " + std::to_string(plant + 1) + " pump " + std::to_string(m % options.machines_per_plant + 1);
    fleet.designs.push_back(draw_design(building));
    Story story = tell(options, fleet.designs.back(), living);
    const std::vector<MachineLog> logs = write_log(options, name, story.episodes, staff, writing);
    for (SimulatedEpisode& episode : story.episodes) {
      episode.machine = m;
      episode.log += static_cast<int64_t>(fleet.records.logs.size());
      fleet.episodes.push_back(episode);
    }
    fleet.records.logs.insert(fleet.records.logs.end(), logs.begin(), logs.end());
    fleet.records.machines.push_back({.machine = name, .series = story.series});
  }
  return fleet;
}

}  // namespace alloy
