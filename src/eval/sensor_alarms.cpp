// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/sensor_alarms.hpp>

#include <alloy/eval/machine_matching.hpp>

#include <torch/types.h>

#include <cmath>

namespace alloy {

namespace {

/// Mean of the finite values of the last `steps` rows of [N, C]; NaN where there is none.
Tensor trailing_mean(const Tensor& values, int64_t steps) {
  const Tensor finite = values.isfinite(), clean = torch::where(finite, values, 0.0).to(torch::kDouble);
  const auto last = [&](const Tensor& x) {
    const Tensor sum = torch::cat({torch::zeros({steps, x.size(1)}, torch::kDouble), x.cumsum(0)});  // [steps + N, C]
    return sum.slice(0, steps) - sum.slice(0, 0, x.size(0));
  };
  const Tensor count = last(finite.to(torch::kDouble));
  return torch::where(count > 0.5, last(clean) / count.clamp_min(1), NAN);
}

}  // namespace

AlarmTrack sensor_alarm(const MachineWindows& windows, const MachineRecords& records, int64_t machine, const SensorRule& rule) {
  const Tensor& scaled = windows.scaled(machine);
  check<ConfigError>(rule.steps >= 1 && rule.channel >= 0 && rule.channel < scaled.size(1),
                     "[sensor_alarm] expected steps > 0 and a channel below {}, got {} and {}", {scaled.size(1), rule.steps, rule.channel});
  const Tensor mean = trailing_mean(scaled.narrow(1, rule.channel, 1), rule.steps).squeeze(1);
  return {.times = windows.clock(machine), .scores = rule.side == AlarmSide::high ? mean : -mean, .healthy = sound_steps(windows, records, machine)};
}

BestSensor best_sensor(const MachineWindows& windows, const MachineRecords& records, std::span<const int64_t> machines, const AlarmOptions& options,
                       std::vector<int64_t> steps) {
  const std::vector<AlarmEpisode> failures = failures_of(records, machines);
  check<DataError>(!failures.empty(), "[best_sensor] expected at least one failure, got none on {} machines", {machines.size()});
  BestSensor best{.rule = {}, .threshold = 0, .mean_lead_s = -1};
  for (int64_t channel = 0; channel < std::ssize(records.channels); ++channel)
    for (const int64_t length : steps)
      for (const AlarmSide side : {AlarmSide::high, AlarmSide::low}) {
        const SensorRule rule{.channel = channel, .steps = length, .side = side};
        std::vector<AlarmTrack> tracks;
        bool any = false;
        for (const int64_t machine : machines) {
          tracks.push_back(sensor_alarm(windows, records, machine, rule));
          const Tensor scores = persistent(tracks.back().scores, options.persistence);
          any = any || scores.isfinite().logical_and(tracks.back().healthy).any().item<bool>();
        }
        if (!any) continue;  // a channel that was never measured, or not long enough in a row
        const double threshold = alarm_threshold(tracks, options);
        const double lead = score_alarms(tracks, failures, threshold, options).lead_s.mean().item<double>();
        if (lead > best.mean_lead_s) best = {.rule = rule, .threshold = threshold, .mean_lead_s = lead};
      }
  check<DataError>(best.mean_lead_s >= 0, "[best_sensor] expected a sound step with a value, got none on {} machines", {machines.size()});
  return best;
}

DistanceAlarm::DistanceAlarm(const MachineWindows& windows, const MachineRecords& records, std::span<const int64_t> machines, int64_t steps)
    : steps_(steps) {
  check<ConfigError>(steps >= 1, "[DistanceAlarm] expected steps > 0, got {}", {steps});
  std::vector<Tensor> sound;
  for (const int64_t machine : machines)
    sound.push_back(trailing_mean(windows.scaled(machine), steps_).nan_to_num(0).index({sound_steps(windows, records, machine)}));
  check<DataError>(!sound.empty(), "[DistanceAlarm] expected at least one machine, got none");
  const Tensor all = torch::cat(sound);  // [S, C]
  check<DataError>(all.size(0) > all.size(1), "[DistanceAlarm] expected more sound steps than the {} channels, got {}", {all.size(1), all.size(0)});
  mean_ = all.mean(0);
  const Tensor centred = all - mean_;
  Tensor covariance = centred.t().mm(centred) / static_cast<double>(all.size(0));
  covariance += torch::eye(all.size(1), torch::kDouble) * (0.01 * covariance.trace() / static_cast<double>(all.size(1)) + 1e-12);
  precision_ = torch::linalg_inv(covariance);
}

AlarmTrack DistanceAlarm::operator()(const MachineWindows& windows, const MachineRecords& records, int64_t machine) const {
  const Tensor mean = trailing_mean(windows.scaled(machine), steps_);
  const Tensor x = mean.nan_to_num(0) - mean_, distance = (x.mm(precision_) * x).sum(1);
  return {.times = windows.clock(machine),
          .scores = torch::where(mean.isfinite().any(1), distance, NAN),
          .healthy = sound_steps(windows, records, machine)};
}

}  // namespace alloy
