// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Pictures of machines for pages of eval/html_report.hpp: a stretch of a machine's time with its sensors, its episodes and the entries
/// that they were matched to, and how early alarms came.

#include <alloy/eval/html_timeline.hpp>
#include <alloy/eval/machine_matching.hpp>
#include <alloy/eval/retrieval_metrics.hpp>

namespace alloy {

struct MachineStretch {
  int64_t machine = 0;
  double start_s = 0, stop_s = 0;
  AlarmTrack alarm = {};   ///< of this machine, a lane of its own; no times = none
  double threshold = 0;    ///< of the alarm
  int64_t most_lanes = 6;  ///< channels shown: those that went farthest from what is usual
};
struct StretchOptions {
  size_t most = 3;     ///< machines
  double begin_s = 0;  ///< after a machine's first step; nothing is shown of one whose record is shorter
  double length_s = 4 * 86400;
};
/// A stretch of each of the first machines. @param machines  places in the records @param alarm  a trial counted on these machines, shown too; null =
/// none
ALLOY_API std::vector<MachineStretch> first_stretches(const MachineWindows& windows, std::span<const int64_t> machines,
                                                      const AlarmTrial* alarm = nullptr, const StretchOptions& options = {});

/// Episodes that end in the stretch are named A, B, C ...; each is matched to the candidate with the greatest evidence, whose share of
/// exp(evidence) among the candidates is shown with it. Entries are those that are candidates of one of them; hours count from `start_s`.
/// @param evidence  [E, L] as `matching`
/// @throws ShapeError
ALLOY_API html::TimeLine machine_time_line(const MachineWindows& windows, const MachineRecords& records, const EpisodeMatching& matching,
                                           const Tensor& evidence, const MachineStretch& stretch);

/// Share of the episodes (y, percent) for which an alarm was raised at least x hours before the end, a line a trial, at the thresholds
/// chosen on other machines.
ALLOY_API html::LineChart lead_chart(std::span<const AlarmTrial> trials, double longest_h = 14);

struct MachineReport {
  std::string title = "Sensors and logs", note = {};
  std::vector<std::pair<std::string, RetrievalScore>> scores = {};  ///< of ways to find the entry of an episode, at least one
  std::vector<AlarmTrial> alarms = {};                              ///< the first is shown beside the machines' sensors; may be empty
  std::vector<MachineStretch> stretches = {};
};
/// A whole page: scores, lead times, and stretches of machines.
/// @param evidence  [E, L] as `matching` @throws ShapeError; DataError without scores
ALLOY_API std::string machine_report(const MachineWindows& windows, const MachineRecords& records, const EpisodeMatching& matching,
                                     const Tensor& evidence, const MachineReport& report);

}  // namespace alloy
