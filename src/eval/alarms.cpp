// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/alarms.hpp>

#include <torch/types.h>

#include <algorithm>
#include <cmath>

namespace alloy {

namespace {

/// A track in memory that can be walked.
struct Walk {
  Tensor times, scores, healthy;
  Walk(const AlarmTrack& track, int64_t persistence)
      : times(track.times.to(torch::kCPU, torch::kDouble).contiguous()), healthy(track.healthy.to(torch::kCPU).contiguous()) {
    check_shape(track.times, {-1}, "alarms", "times");
    check_shape(track.scores, {track.times.size(0)}, "alarms", "scores");
    check_shape(track.healthy, {track.times.size(0)}, "alarms", "healthy");
    check<ShapeError>(track.healthy.scalar_type() == torch::kBool, "[alarms] expected healthy as bool, got {}", {track.healthy});
    scores = persistent(track.scores, persistence);
  }
  int64_t size() const { return times.size(0); }
  double time(int64_t i) const { return times.const_data_ptr<double>()[i]; }
  double score(int64_t i) const { return scores.const_data_ptr<double>()[i]; }
  bool sound(int64_t i) const { return healthy.const_data_ptr<bool>()[i]; }
};

}  // namespace

void AlarmOptions::validate() const {
  check<ConfigError>(false_alarms >= 0 && false_alarms <= 1 && persistence >= 1,
                     "[alarms] expected false_alarms in 0..1 and persistence > 0, got {} and {}", {false_alarms, persistence});
}

Tensor persistent(const Tensor& scores, int64_t persistence) {
  check<ConfigError>(persistence >= 1, "[persistent] expected persistence > 0, got {}", {persistence});
  check_shape(scores, {-1}, "persistent", "scores");
  check_floating(scores, "persistent", "scores");
  const Tensor in = scores.to(torch::kCPU, torch::kDouble).contiguous();
  Tensor out = torch::full_like(in, NAN);
  const double* from = in.const_data_ptr<double>();
  for (int64_t i = persistence - 1; i < in.size(0); ++i) {
    double least = INFINITY;
    for (int64_t k = i - persistence + 1; k <= i; ++k) least = std::isnan(from[k]) || std::isnan(least) ? NAN : std::min(least, from[k]);
    out.mutable_data_ptr<double>()[i] = least;
  }
  return out;
}

double alarm_threshold(std::span<const AlarmTrack> tracks, const AlarmOptions& options) {
  options.validate();
  std::vector<double> sound;
  int64_t moments = 0;
  for (const AlarmTrack& track : tracks) {
    const Walk walk(track, options.persistence);
    for (int64_t i = 0; i < walk.size(); ++i) {
      if (!walk.sound(i)) continue;
      ++moments;
      if (!std::isnan(walk.score(i))) sound.push_back(walk.score(i));
    }
  }
  check<DataError>(!sound.empty(), "[alarm_threshold] expected a sound moment with a score, got none among {}", {moments});
  const auto allowed = static_cast<size_t>(options.false_alarms * static_cast<double>(moments));
  if (allowed >= sound.size()) return -INFINITY;
  std::ranges::sort(sound, std::greater<>());
  return sound[allowed];
}

AlarmScores score_alarms(std::span<const AlarmTrack> tracks, std::span<const AlarmEpisode> episodes, double threshold, const AlarmOptions& options) {
  options.validate();
  std::vector<Walk> walks;
  double moments = 0, alarms = 0;
  for (const AlarmTrack& track : tracks) {
    const Walk& walk = walks.emplace_back(track, options.persistence);
    for (int64_t i = 0; i < walk.size(); ++i)
      if (walk.sound(i)) moments += 1, alarms += walk.score(i) > threshold ? 1 : 0;
  }
  const int64_t count = std::ssize(episodes);
  AlarmScores found{.false_alarms = alarms / moments, .lead_s = torch::zeros({count}, torch::kDouble), .caught = torch::zeros({count}, torch::kBool)};
  for (int64_t e = 0; e < count; ++e) {
    const AlarmEpisode& episode = episodes[static_cast<size_t>(e)];
    check<DataError>(episode.track >= 0 && episode.track < std::ssize(tracks), "[score_alarms] expected a track below {} for episode {}, got {}",
                     {tracks.size(), e, episode.track});
    const Walk& walk = walks[static_cast<size_t>(episode.track)];
    for (int64_t i = 0; i < walk.size(); ++i) {
      if (walk.time(i) < episode.start_s || walk.time(i) >= episode.stop_s || !(walk.score(i) > threshold)) continue;
      found.caught.mutable_data_ptr<bool>()[e] = true;
      found.lead_s.mutable_data_ptr<double>()[e] = episode.stop_s - walk.time(i);
      break;
    }
  }
  return found;
}

AlarmTrial try_alarm(std::string name, const std::function<AlarmTrack(int64_t)>& alarm, std::span<const int64_t> chosen_on,
                     std::span<const int64_t> counted_on, std::span<const AlarmEpisode> episodes, const AlarmOptions& options) {
  AlarmTrial trial{.name = std::move(name), .threshold = 0, .tracks = {}, .scores = {}, .exact = {}};
  std::vector<AlarmTrack> before;
  for (const int64_t machine : chosen_on) before.push_back(alarm(machine));
  for (const int64_t machine : counted_on) trial.tracks.push_back(alarm(machine));
  trial.threshold = alarm_threshold(before, options);
  trial.scores = score_alarms(trial.tracks, episodes, trial.threshold, options);
  trial.exact = score_alarms(trial.tracks, episodes, alarm_threshold(trial.tracks, options), options);
  return trial;
}

}  // namespace alloy
