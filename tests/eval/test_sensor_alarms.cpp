// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include "support/machines.hpp"

#include <alloy/core/error.hpp>
#include <alloy/eval/machine_matching.hpp>
#include <alloy/eval/sensor_alarms.hpp>

using namespace alloy;

TEST_CASE("alarms of sensors", "[eval]") {
  MachineRecords records = machines_with_faults(3, {70, 130, 220});
  const MachineWindows windows(records, {.steps = 12});
  const std::vector<int64_t> two = {0, 1}, all = {0, 1, 2};
  SECTION("a score is the mean of what was measured in the last steps") {
    MachineRecords gaps = records;
    gaps.machines[0].series.values.slice(0, 50, 53).select(1, 1).fill_(NAN);
    const MachineWindows some(gaps, {.steps = 12});
    const AlarmTrack track = sensor_alarm(some, gaps, 0, {.channel = 1, .steps = 3});
    const Tensor x = some.scaled(0).select(1, 1).to(torch::kDouble);
    CHECK(track.scores[0].item<double>() == Approx(x[0].item<double>()));
    CHECK(track.scores[20].item<double>() == Approx((x[18] + x[19] + x[20]).item<double>() / 3));
    CHECK(track.scores[51].item<double>() == Approx(x[49].item<double>()));
    CHECK(std::isnan(track.scores[52].item<double>()));
    CHECK_THAT(sensor_alarm(some, gaps, 0, {.channel = 1, .steps = 3, .side = AlarmSide::low}).scores.slice(0, 0, 50),
               AllClose(-track.scores.slice(0, 0, 50)));
  }
  SECTION("the best sensor is the one that knows, and its threshold holds on another machine") {
    const BestSensor best = best_sensor(windows, records, two);
    CHECK((best.rule.channel == 1 && best.rule.side == AlarmSide::high));
    CHECK(best.mean_lead_s > 3 * 3600);
    CHECK(best.mean_lead_s < 6 * 3600);
    const std::vector<AlarmTrack> track = {sensor_alarm(windows, records, 2, best.rule)};
    const AlarmScores scores = score_alarms(track, failures_of(records, std::vector<int64_t>{2}), best.threshold);
    CHECK(scores.caught.all().item<bool>());
    CHECK(scores.false_alarms < 0.05);
  }
  SECTION("a channel that is never measured long enough in a row is left out") {
    const Tensor third = torch::arange(records.machines[0].series.times.size(0)).remainder(3).eq(0);
    for (MachineSeries& machine : records.machines) machine.series.values.select(1, 0).masked_fill_(third.logical_not(), NAN);
    const MachineWindows sparse(records, {.steps = 12});
    CHECK(best_sensor(sparse, records, two, {.persistence = 3}, {1}).rule.channel != 0);
  }
  SECTION("the distance is Mahalanobis'") {
    const DistanceAlarm alarm(windows, records, two, /*steps=*/1);
    Tensor rows;
    for (const int64_t m : two) {
      const Tensor sound = windows.scaled(m).to(torch::kDouble).index({sound_steps(windows, records, m)});
      rows = rows.defined() ? torch::cat({rows, sound}) : sound;
    }
    const Tensor mean = rows.mean(0);
    Tensor covariance = torch::cov(rows.t(), /*correction=*/0);
    covariance += torch::eye(3, torch::kDouble) * 0.01 * covariance.trace() / 3;
    const Tensor scores = alarm(windows, records, 2).scores;
    for (const int64_t step : {5, 400, 415}) {
      const Tensor x = windows.scaled(2)[step].to(torch::kDouble) - mean;
      CHECK(scores[step].item<double>() == Approx(x.dot(torch::linalg_solve(covariance, x)).item<double>()));
    }
    CHECK(scores.slice(0, 395, 418).mean().item<double>() > 3 * scores.slice(0, 100, 200).mean().item<double>());
  }
  SECTION("what cannot be") {
    MachineRecords calm = records;
    for (MachineLog& log : calm.logs) log.failure = false;
    CHECK_THROWS_WITH(best_sensor(windows, calm, two), ContainsSubstring("at least one failure, got none on 2 machines"));
    CHECK_THROWS_AS(sensor_alarm(windows, records, 0, {.channel = 3}), ConfigError);
    CHECK_THROWS_AS(DistanceAlarm(windows, records, std::vector<int64_t>{}), DataError);
  }
}
