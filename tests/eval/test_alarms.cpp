// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core/error.hpp>
#include <alloy/eval/alarms.hpp>

using namespace alloy;

namespace {

AlarmTrack track(std::vector<double> scores, std::vector<bool> healthy = {}) {
  const auto count = static_cast<int64_t>(scores.size());
  Tensor sound = torch::ones({count}, torch::kBool);
  for (size_t i = 0; i < healthy.size(); ++i) sound[static_cast<int64_t>(i)] = static_cast<bool>(healthy[i]);
  return {.times = 100 * torch::arange(count, torch::kDouble), .scores = torch::tensor(scores, torch::kDouble), .healthy = sound};
}

}  // namespace

TEST_CASE("alarms", "[eval]") {
  constexpr double kGap = NAN;
  SECTION("a score is persistent as far as it lasted") {
    const Tensor out = persistent(torch::tensor({1.0, 5.0, 4.0, 6.0, kGap, 7.0, 8.0, 9.0}, torch::kDouble), 3);
    const std::vector<double> expected = {kGap, kGap, 1, 4, kGap, kGap, kGap, 7};
    for (int64_t i = 0; i < 8; ++i) {
      const double value = out[i].item<double>();
      if (std::isnan(expected[static_cast<size_t>(i)])) CHECK(std::isnan(value));
      else CHECK(value == expected[static_cast<size_t>(i)]);
    }
    CHECK_THAT(persistent(torch::tensor({3.0, 1.0}, torch::kDouble), 1), AllClose(torch::tensor({3.0, 1.0}, torch::kDouble)));
  }
  SECTION("the threshold lets through the share allowed, over all tracks, sound moments only") {
    std::vector<double> first, second;
    for (int i = 0; i < 60; ++i) first.push_back(i);
    for (int i = 60; i < 100; ++i) second.push_back(i);
    second.push_back(1e6);
    std::vector<bool> healthy(41, true);
    healthy[40] = false;
    const std::vector<AlarmTrack> tracks = {track(first), track(second, healthy)};
    for (const double share : {0.0, 0.01, 0.1, 0.5}) {
      const AlarmOptions options{.false_alarms = share, .persistence = 1};
      const double threshold = alarm_threshold(tracks, options);
      CHECK(threshold == 99 - 100 * share);
      CHECK(score_alarms(tracks, {}, threshold, options).false_alarms == Approx(share));
    }
    CHECK(alarm_threshold(tracks, {.false_alarms = 1, .persistence = 1}) == -INFINITY);
  }
  SECTION("ties at the threshold never raise more than allowed") {
    const std::vector<AlarmTrack> tracks = {track(std::vector<double>(100, 3.0))};
    const AlarmOptions options{.false_alarms = 0.01, .persistence = 1};
    CHECK(score_alarms(tracks, {}, alarm_threshold(tracks, options), options).false_alarms == 0);
  }
  SECTION("moments without a score are sound moments without an alarm") {
    std::vector<double> scores(50, kGap);
    for (int i = 0; i < 50; ++i) scores.push_back(i);
    CHECK(alarm_threshold(std::vector<AlarmTrack>{track(scores)}, {.false_alarms = 0.1, .persistence = 1}) == 39);
  }
  SECTION("lead times by hand") {
    //                                         0  1  2  3  4  5  6  7  8  9
    const std::vector<AlarmTrack> tracks = {track({0, 0, 9, 0, 0, 9, 9, 9, 9, 0}), track({9, 9, 9, 9, 9, 9, 9, 9, 9, 9})};
    const std::vector<AlarmEpisode> episodes = {{.track = 0, .start_s = 150, .stop_s = 450},
                                                {.track = 0, .start_s = 450, .stop_s = 900},
                                                {.track = 1, .start_s = 300, .stop_s = 600},
                                                {.track = 0, .start_s = 900, .stop_s = 950}};
    const AlarmScores one = score_alarms(tracks, episodes, 5, {.persistence = 1}), three = score_alarms(tracks, episodes, 5, {.persistence = 3});
    CHECK_THAT(one.lead_s, AllClose(torch::tensor({250.0, 400.0, 300.0, 0.0}, torch::kDouble)));
    CHECK_THAT(one.caught, SameBits(torch::tensor({true, true, true, false})));
    CHECK_THAT(three.lead_s, AllClose(torch::tensor({0.0, 200.0, 300.0, 0.0}, torch::kDouble)));  // the blip at 200 s does not last
    CHECK_THAT(three.caught, SameBits(torch::tensor({false, true, true, false})));
  }
  SECTION("a trial takes its threshold from other machines") {
    std::vector<double> quiet, loud;
    for (int i = 0; i < 100; ++i) quiet.push_back(i), loud.push_back(2 * i);
    const auto alarm = [&](int64_t machine) { return track(machine == 7 ? quiet : loud); };
    const std::vector<AlarmEpisode> episodes = {{.track = 0, .start_s = 8900, .stop_s = 9500}};
    const AlarmTrial trial =
        try_alarm("by hand", alarm, std::vector<int64_t>{7}, std::vector<int64_t>{3}, episodes, {.false_alarms = 0.1, .persistence = 1});
    CHECK((trial.name == "by hand" && trial.threshold == 89 && trial.tracks.size() == 1));
    CHECK(trial.scores.false_alarms == Approx(0.55));  // 2 i > 89 from i = 45 on
    CHECK(trial.exact.false_alarms == Approx(0.1));
    CHECK(trial.scores.lead_s[0].item<double>() == 600);
    CHECK(trial.exact.lead_s[0].item<double>() == 500);  // 2 i > 178 from i = 90 on
  }
  SECTION("what does not fit") {
    const std::vector<AlarmTrack> tracks = {track({1, 2}, {false, false})};
    CHECK_THROWS_AS(alarm_threshold(tracks), DataError);
    CHECK(std::isnan(score_alarms(tracks, {}, 0).false_alarms));
    CHECK_THROWS_WITH(score_alarms(tracks, std::vector<AlarmEpisode>{{.track = 1}}, 0), ContainsSubstring("a track below 1 for episode 0, got 1"));
    CHECK_THROWS_AS(alarm_threshold(tracks, {.false_alarms = 2}), ConfigError);
    CHECK_THROWS_AS(persistent(torch::zeros({2}), 0), ConfigError);
    AlarmTrack odd = tracks[0];
    odd.scores = torch::zeros({3});
    CHECK_THROWS_AS(alarm_threshold(std::vector<AlarmTrack>{odd}), ShapeError);
  }
}
