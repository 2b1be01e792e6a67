// SPDX-License-Identifier: Apache-2.0
#pragma once

/// How early a score that runs along a series raises an alarm before a failure, at a given share of false alarms: choose the threshold on
/// some machines, count on others.
///
///     const double threshold = alarm_threshold(validation_tracks, {.false_alarms = 0.01});
///     const AlarmScores scores = score_alarms(test_tracks, failures, threshold, {});

#include <alloy/core/options.hpp>
#include <alloy/core/tensor.hpp>
#include <alloy/eval/metrics.hpp>

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace alloy {

/// A score along one machine's time.
struct AlarmTrack {
  Tensor times;    ///< [T] seconds, ascending
  Tensor scores;   ///< [T] floating, larger = more alarming; NaN = nothing was measured, which is no alarm
  Tensor healthy;  ///< [T] bool: the machine was sound there, an alarm would be false. What is neither sound nor in an episode does not count
};

/// A fault of the machine of a track, from where it began to where the machine failed.
struct AlarmEpisode {
  int64_t track = 0;
  double start_s = 0, stop_s = 0;
};

struct AlarmOptions {
  double false_alarms = 0.01;
  int64_t persistence = 3;
  static void describe(auto& self, auto&& field) {
    field("false_alarms", self.false_alarms, "0..1, share of the sound moments with an alarm that is allowed");
    field("persistence", self.persistence, "moments in a row that a score must be above the threshold before there is an alarm, > 0");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// The least of the last `persistence` scores of each moment: a score above the threshold there is an alarm. NaN at the first ones, and
/// where one of them is NaN. @param scores  [T] floating @return [T] float64
ALLOY_API Tensor persistent(const Tensor& scores, int64_t persistence);

/// The least threshold at which at most the share allowed of the sound moments, of all tracks together, is above it; moments without a
/// score count as sound moments without an alarm.
/// @throws ShapeError; DataError without a sound moment; ConfigError
ALLOY_API double alarm_threshold(std::span<const AlarmTrack> tracks, const AlarmOptions& options = {});

struct AlarmScores {
  double false_alarms = 0;  ///< share of the sound moments above the threshold; NaN without a sound moment
  Tensor lead_s;            ///< [E] float64: seconds from the first alarm within an episode to its end; 0 = none was raised
  Tensor caught;            ///< [E] bool
};
/// An alarm counts for an episode from `start_s` to before `stop_s`; what was above the threshold before the episode began counts as
/// raised again at its first moment.
/// @throws ShapeError; DataError for an episode of a track that is not there; ConfigError
ALLOY_API AlarmScores score_alarms(std::span<const AlarmTrack> tracks, std::span<const AlarmEpisode> episodes, double threshold,
                                   const AlarmOptions& options = {});

/// One way of raising alarms, its threshold chosen on some machines and counted on others.
struct AlarmTrial {
  std::string name;
  double threshold = 0;
  std::vector<AlarmTrack> tracks;  ///< of the machines that it is counted on
  AlarmScores scores;
  AlarmScores exact;  ///< at the threshold that gives the share of false alarms on these machines themselves
};
/// @param alarm          the track of a machine
/// @param chosen_on, counted_on  machines; the episodes' tracks are places in `counted_on`
/// @throws as alarm_threshold and score_alarms
ALLOY_API AlarmTrial try_alarm(std::string name, const std::function<AlarmTrack(int64_t machine)>& alarm, std::span<const int64_t> chosen_on,
                               std::span<const int64_t> counted_on, std::span<const AlarmEpisode> episodes, const AlarmOptions& options = {});

}  // namespace alloy
