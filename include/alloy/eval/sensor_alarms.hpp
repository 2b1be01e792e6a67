// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Alarms without learning, to compare others with: a threshold on one sensor, and the distance from what is usual of all of them.

#include <alloy/data/machine_windows.hpp>
#include <alloy/eval/alarms.hpp>

namespace alloy {

enum class AlarmSide { high, low };
constexpr auto enum_names(AlarmSide) {
  return std::to_array<std::pair<AlarmSide, std::string_view>>({{AlarmSide::high, "high"}, {AlarmSide::low, "low"}});
}

/// One channel, scaled as MachineWindows does, averaged over the last steps.
struct SensorRule {
  int64_t channel = 0;  ///< place in the records' channels
  int64_t steps = 1;
  AlarmSide side = AlarmSide::high;
};
/// A score is the mean of what was measured in the last `steps`; NaN where nothing was.
ALLOY_API AlarmTrack sensor_alarm(const MachineWindows& windows, const MachineRecords& records, int64_t machine, const SensorRule& rule);

struct BestSensor {
  SensorRule rule;
  double threshold = 0;
  double mean_lead_s = 0;  ///< of the failures it was chosen by
};
/// Of every channel, either side and several numbers of steps the rule with the greatest mean lead (0 where a failure is missed) at the
/// false alarms allowed, on the machines given: validation machines.
/// @throws DataError if these machines have no failure or no sound step
ALLOY_API BestSensor best_sensor(const MachineWindows& windows, const MachineRecords& records, std::span<const int64_t> machines,
                                 const AlarmOptions& options = {}, std::vector<int64_t> steps = {1, 6, 18});

/// Hotelling's T^2 (1931): the squared Mahalanobis distance of all channels, averaged over the last steps, from what they are where
/// machines are sound. A channel without a value counts as usual (0).
class ALLOY_API DistanceAlarm {
 public:
  /// Fits mean and covariance (with a ridge of 1 % of the mean variance) to the sound steps of some machines.
  /// @throws DataError with fewer sound steps than channels
  DistanceAlarm(const MachineWindows& windows, const MachineRecords& records, std::span<const int64_t> machines, int64_t steps = 6);
  AlarmTrack operator()(const MachineWindows& windows, const MachineRecords& records, int64_t machine) const;

 private:
  int64_t steps_;
  Tensor mean_, precision_;  // [C], [C, C]
};

}  // namespace alloy
