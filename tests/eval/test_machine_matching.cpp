// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include "support/machines.hpp"

#include <alloy/core/error.hpp>
#include <alloy/encoders/hashed_text.hpp>
#include <alloy/encoders/series.hpp>
#include <alloy/eval/machine_matching.hpp>

using namespace alloy;

namespace {

JointEmbedding untrained(const MachineWindows& windows) {
  seed_everything(4);
  JointEmbedding joint({.dim = 8, .loss = {.scheme = PairScheme::anchored, .anchor = "text", .scale_per_pair = true}});
  for (const std::string& group : windows.groups())
    joint->add(group, DilatedConvEncoder({.channels = windows.channels(group), .dim = 8, .layers = 1}));
  joint->add("text", HashedTextEncoder({.buckets = 4096, .dim = 8, .embedding_dim = 8, .hidden_dim = 8}));
  return joint;
}

}  // namespace

TEST_CASE("episodes and entries of machines", "[eval]") {
  MachineRecords records = machines_with_faults(2, {60, 100, 200});
  records.channels = {"heat.a", "cold.b", "load.x"};  // two groups
  const MachineWindows windows(records, {.steps = 12});
  JointEmbedding joint = untrained(windows);
  const std::vector<int64_t> both = {0, 1}, second = {1};

  SECTION("content is the sum over groups of scale times cosine; what was not measured adds nothing") {
    const Tensor texts = joint->embed("text", machine_texts(records, std::vector<int64_t>{0, 3}));
    Batch batch = windows.batch(0, std::vector<double>{3600.0 * 50, 3600.0 * 60});
    const Tensor heat = joint->embed("heat", batch.at("heat")), cold = joint->embed("cold", batch.at("cold"));
    const Tensor expected = (joint->objective()->scale("heat", "text")->forward() * heat.mm(texts.t()) +
                             joint->objective()->scale("cold", "text")->forward() * cold.mm(texts.t()))
                                .to(torch::kDouble)
                                .detach();
    CHECK_THAT(content_evidence(joint, batch, texts), AllClose(expected, 1e-5));
    batch.at("cold").present = torch::tensor({false, true});
    batch.at("cold").values[0].fill_(NAN);
    const Tensor some = content_evidence(joint, batch, texts);
    CHECK_THAT(some[1], AllClose(expected[1], 1e-5));
    CHECK_THAT(
        some[0],
        AllClose((joint->objective()->scale("heat", "text")->forward() * heat[0].unsqueeze(0).mm(texts.t()))[0].to(torch::kDouble).detach(), 1e-5));
  }
  SECTION("candidates are entries of the same machine and page, or of a page that is not known") {
    const EpisodeMatching found = match_episodes(joint, windows, records, both);
    CHECK((found.episodes == std::vector<int64_t>{0, 1, 2, 5, 6, 7} && found.logs.size() == 10 && !found.by_stamp));
    CHECK_THAT(found.right, SameBits(torch::tensor({0, 1, 2, 5, 6, 7}, torch::kLong)));
    CHECK_THAT(found.candidates[0],
               SameBits(torch::tensor({true, true, false, true, true, false, false, false, false, false})));  // page 0, and the one without
    CHECK_THAT(found.candidates[5], SameBits(torch::tensor({false, false, false, false, false, false, false, true, false, true})));  // page 1
    CHECK((std::isnan(found.stamps[4].item<double>()) && found.stops[1].item<double>() == 360000));
    CHECK_THAT(found.machines, SameBits(torch::tensor({0, 0, 0, 1, 1, 1}, torch::kLong)));
    const Batch batch = windows.batch(1, std::vector<double>{3600.0 * 100});
    CHECK_THAT(found.content[4], AllClose(content_evidence(joint, batch, joint->embed("text", machine_texts(records, found.logs)))[0]));
    CHECK(match_episodes(joint, windows, records, second).logs.front() == 5);
  }
  SECTION("an episode in which nothing was measured has no content") {
    MachineRecords silent = records;
    const Tensor before = silent.machines[0].series.times.le(3600 * 60).logical_and(silent.machines[0].series.times.gt(3600 * 50));
    silent.machines[0].series.values.index_put_({before}, NAN);
    const MachineWindows gaps(silent, {.steps = 12});
    const EpisodeMatching found = match_episodes(joint, gaps, silent, both);
    CHECK(found.content[0].abs().max().item<double>() == 0);
    CHECK(found.content[1].abs().max().item<double>() > 0);
    CHECK_THAT(found.measured.at("cold"), SameBits(torch::tensor({false, true, true, true, true, true})));
  }
  SECTION("where no entry says what it explains, its stamp does") {
    MachineRecords plain = records;
    for (MachineLog& log : plain.logs) log.start_s = log.stop_s = NAN;
    const EpisodeMatching found = match_episodes(joint, windows, plain, second);
    CHECK((found.by_stamp && found.episodes.size() == 4));
    CHECK(found.stops[0].item<double>() == 3600 * 60 + 1000);
    for (MachineLog& log : plain.logs) log.time_s = NAN;
    CHECK_THROWS_AS(match_episodes(joint, windows, plain, second), DataError);
  }
  SECTION("sound steps lie outside of episodes and of windows that still see one") {
    const Tensor sound = sound_steps(windows, records, 0);
    const auto at = [&](double hour) { return sound[static_cast<int64_t>(hour * 6) - 1].item<bool>(); };  // step i ends at (i + 1) / 6 h
    CHECK((at(49.5) && !at(50.5) && !at(60) && !at(62) && at(62.5) && at(89.5) && !at(95)));
  }
  SECTION("the alarm in words is the log ratio of the mean likelihoods") {
    const Tensor texts = joint->embed("text", machine_texts(records, std::vector<int64_t>{0, 1, 3, 4}));
    const AlarmTrack track = text_alarm(joint, windows, records, 0, {.faults = texts.slice(0, 0, 2), .routine = texts.slice(0, 2, 4)});
    CHECK(track.scores.size(0) == windows.clock(0).size(0));
    CHECK_THAT(track.healthy, SameBits(sound_steps(windows, records, 0)));
    for (const int64_t step : {20, 511, 512, 1400}) {
      const Tensor c = content_evidence(joint, windows.batch(0, std::vector<double>{windows.clock(0)[step].item<double>()}), texts)[0].exp();
      CHECK(track.scores[step].item<double>() == Approx(std::log((c[0] + c[1]).item<double>() / (c[2] + c[3]).item<double>())).margin(1e-6));
    }
    CHECK(std::isnan(track.scores[0].item<double>()));  // one step of twelve
  }
  SECTION("texts to raise alarms by, and errors of stamps, are those of the pairs") {
    const std::vector<MachinePair> pairs = machine_pairs(records, second);
    const AlarmTexts texts = alarm_texts(joint, records, pairs, /*most=*/2);
    CHECK_THAT(texts.faults, AllClose(joint->embed("text", machine_texts(records, std::vector<int64_t>{5, 6}))));
    CHECK_THAT(texts.routine, AllClose(joint->embed("text", machine_texts(records, std::vector<int64_t>{8}))));
    records.logs[6].time_s = NAN;
    CHECK_THAT(stamp_errors(records, pairs).nan_to_num(-1), AllClose(torch::tensor({1000.0, -1.0, 1000.0}, torch::kDouble)));
    CHECK_THROWS_AS(alarm_texts(joint, records, std::span(pairs).first(1)), DataError);
  }
  SECTION("failures of the machines asked for") {
    records.logs[1].failure = false;
    const auto failures = failures_of(records, std::vector<int64_t>{1, 0});
    REQUIRE(failures.size() == 5);
    CHECK((failures[0].track == 0 && failures[3].track == 1 && failures[3].start_s == 3600 * 50 && failures[4].stop_s == 3600 * 200));
  }
}
