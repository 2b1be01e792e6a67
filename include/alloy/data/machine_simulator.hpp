// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A simulated fleet of rotating machines (motor, coupling, gear, pump) with sensors and a maintenance log, to try alignment of series
/// and words without data of one's own. Everything here is simulated: signals follow the textbook signature of each fault, texts come
/// from lists of phrases, and faults are as frequent as on an endurance rig. Results say nothing about real machines.
///
/// Machines run at changing load and speed, drift slowly, and stand now and then. A fault begins, grows over hours of running, and is
/// repaired, early or after it stopped the machine; then the machine stands for an hour. Vibration is taken as a burst of 0.4 s every 10
/// minutes while the machine runs, and kept as its features (preprocess/vibration_features.hpp); temperatures and current come every 5
/// minutes from a logger of its own. Temperatures follow first-order models with time constants of half an hour and more, over an
/// ambient temperature of day, season and weather. Sensors have noise, gaps and outages of hours, in which a whole logger is silent.
///
/// | fault | what it does (ISO 13373-1 and -3; Randall 2011, "Vibration-based Condition Monitoring") |
/// |---|---|
/// | imbalance | amplitude once a turn, with the square of the speed |
/// | misalignment | twice a turn, some once and three times; the bearing beside the coupling warms a little |
/// | looseness | many multiples of the shaft's rate, and halves of it |
/// | bearing_wear | impacts at the rate at which balls pass a pit, ringing at a resonance, stronger in the load zone (Randall & Antoni 2011); warmth late |
/// | gear_wear | mesh frequency with sidebands a turn apart (McFadden 1986) |
/// | lubrication_loss | friction: noise in the high band, the bearing's temperature rises |
/// | cooling_loss | the motor's temperature rises, vibration stays |
/// | cavitation | random noise in bursts around a few hundred Hz, and the current falls and wavers |
///
/// Entries of the log: one for each episode, by one of the plant's technicians, who differ in phrases, abbreviations, typing errors and
/// in whether they name cause, symptom or repair; some say nothing ("fixed, running again"). Between them, routine entries, which name
/// the same parts ("bearings quiet, oil level ok"). Stamps are wrong by hours, and some are missing.

#include <alloy/core/random.hpp>
#include <alloy/data/machine_records.hpp>

#include <array>
#include <optional>
#include <span>

namespace alloy {

enum class MachineFault { imbalance, misalignment, looseness, bearing_wear, gear_wear, lubrication_loss, cooling_loss, cavitation };
constexpr auto enum_names(MachineFault) {
  return std::to_array<std::pair<MachineFault, std::string_view>>({{MachineFault::imbalance, "imbalance"},
                                                                   {MachineFault::misalignment, "misalignment"},
                                                                   {MachineFault::looseness, "looseness"},
                                                                   {MachineFault::bearing_wear, "bearing_wear"},
                                                                   {MachineFault::gear_wear, "gear_wear"},
                                                                   {MachineFault::lubrication_loss, "lubrication_loss"},
                                                                   {MachineFault::cooling_loss, "cooling_loss"},
                                                                   {MachineFault::cavitation, "cavitation"}});
}

/// How one machine is built.
struct MachineDesign {
  double shaft_hz = 25;         ///< at full speed
  int64_t gear_teeth = 17;      ///< mesh frequency over shaft_hz
  double bearing_ratio = 3.58;  ///< passes of balls over a point of the outer ring a turn
  double resonance_hz = 850;    ///< that impacts excite
  double gain = 1;              ///< of all vibration
};

struct MachineCondition {
  double speed = 1;  ///< of full, above 0 to 1
  double load = 1;   ///< 0..1
  std::optional<MachineFault> fault = {};
  double severity = 0;  ///< 0 = sound, 1 = the machine stops
};

inline constexpr int64_t kBurstSamples = 1024;
inline constexpr double kBurstRateHz = 2560;
/// Acceleration of the bearing's housing in m/s^2: float [kBurstSamples] at kBurstRateHz.
/// @throws ConfigError unless balls pass between 0 (excluded) and kBurstRateHz times a second at this speed
ALLOY_API Tensor vibration_burst(const MachineDesign& design, const MachineCondition& condition, Random& random);

struct MachineSimulatorOptions {
  int64_t machines = 12;
  int64_t machines_per_plant = 4;
  double days = 12;
  int64_t seed = 0;
  double gap_h = 8;
  double failures = 0.5;
  double routine_every_h = 8;
  double stamp_jitter_h = 2;
  double missing_stamps = 0.25;
  double unspecific = 0.15;
  double page_days = 4;
  double outage_every_h = 72;
  static void describe(auto& self, auto&& field) {
    field("machines", self.machines, "1..1000");
    field("machines_per_plant", self.machines_per_plant, "machines that share technicians, > 0");
    field("days", self.days, "length of the series, 4..1000; the first two are without faults");
    field("seed", self.seed, "of everything");
    field("gap_h", self.gap_h, "mean hours from a repair to the next fault beyond the first 8, > 0");
    field("failures", self.failures, "0..1, share of faults that stop the machine before anyone acts");
    field("routine_every_h", self.routine_every_h, "mean hours between routine entries, > 0");
    field("stamp_jitter_h", self.stamp_jitter_h, "standard deviation of a stamp's error in hours, 0..48");
    field("missing_stamps", self.missing_stamps, "0..1, share of entries without a stamp");
    field("unspecific", self.unspecific, "0..1, share of entries about a fault that say nothing of it");
    field("page_days", self.page_days, "days that a page of the log book holds, > 0");
    field("outage_every_h", self.outage_every_h, "mean hours between outages of a logger, of 1 to 20 hours; 0 = none");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

struct SimulatedEpisode {
  int64_t machine = 0;
  MachineFault fault = MachineFault::imbalance;
  double start_s = 0, stop_s = 0;  ///< of the fault; at `stop_s` the machine stops
  bool failure = false;            ///< or it was repaired before
  int64_t log = 0;                 ///< the entry about it
};

struct SimulatedFleet {
  MachineRecords records;  ///< the episodes stand in its entries' start_s, stop_s and failure
  std::vector<SimulatedEpisode> episodes;
  std::vector<MachineDesign> designs;
};

/// Seconds since 1970 of the first moment: 2026-01-01. Stamps are whole seconds.
inline constexpr double kSimulationStart = 1767225600;

/// About 0.1 s a machine and week. The same options give the same bits; each machine depends on seed and its own number alone.
/// @throws ConfigError
ALLOY_API SimulatedFleet simulate_machines(const MachineSimulatorOptions& options = {});

}  // namespace alloy
