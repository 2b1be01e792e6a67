// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core/error.hpp>
#include <alloy/data/machine_windows.hpp>

using namespace alloy;

namespace {

/// Vibration every 10 minutes and temperature every 5, with rows of their own, for a day: vibration is the hour, temperature 20 and 40 in turn.
MachineRecords records() {
  MachineRecords out{.channels = {"vibration.rms", "load.current", "temperature.motor", "temperature.air"}};
  std::vector<double> times;
  std::vector<float> values;
  for (int minute = 0; minute < 24 * 60; minute += 5) {
    const bool vibration = minute % 10 == 0;
    if (vibration) times.push_back(60.0 * minute + 2), values.insert(values.end(), {static_cast<float>(minute / 60), NAN, NAN, NAN});
    times.push_back(60.0 * minute), values.insert(values.end(), {NAN, 5, minute % 10 == 0 ? 20.F : 40.F, NAN});
  }
  const auto rows = static_cast<int64_t>(times.size());
  for (const std::string name : {"a", "b"})
    out.machines.push_back(
        {.machine = name,
         .series = sort_and_merge({.times = torch::tensor(times, torch::kDouble), .values = torch::tensor(values).view({rows, 4})})});
  return out;
}

}  // namespace

TEST_CASE("machine windows", "[data]") {
  const MachineRecords made = records();
  const MachineWindows windows(made, {.step_s = 600, .steps = 6, .baseline_h = 24});
  SECTION("groups, channels and one clock for all rates") {
    CHECK(windows.groups() == std::vector<std::string>{"vibration", "temperature"});
    CHECK(windows.channels("vibration") == 3);  // its own, the context's, whether it was measured
    CHECK(windows.channels("temperature") == 4);
    CHECK_THROWS_WITH(windows.channels("load"), ContainsSubstring("known: vibration, temperature"));
    CHECK(windows.clock(0).size(0) == 144);
    CHECK(windows.clock(0)[0].item<double>() == 600);
    CHECK(windows.scaled(0).sizes() == at::IntArrayRef({144, 4}));
  }
  SECTION("values are means of their step, scaled by median and median absolute deviation") {
    const Tensor scaled = windows.scaled(0);
    const float spread = 1.4826F * 6;  // hours 0..23: median 12, deviations from it 0..12 with median 6
    for (const int64_t step : {0, 71, 143})
      CHECK(scaled[step][0].item<float>() == Approx(std::asinh((static_cast<float>(step / 6) - 12) / spread)).margin(1e-6));
    CHECK(scaled.select(1, 2).abs().max().item<float>() == 0);  // always 30 on the clock of ten minutes
    CHECK(scaled.select(1, 3).isnan().all().item<bool>());      // never measured
  }
  SECTION("only what ended by the moment is seen") {
    const ModalityMap<Tensor> at_noon = windows.window(0, 12 * 3600), before = windows.window(0, 12 * 3600 - 1);
    CHECK_THAT(at_noon.at("vibration").select(1, 0), AllClose(windows.scaled(0).slice(0, 66, 72).select(1, 0)));
    CHECK_THAT(before.at("vibration").select(1, 0), AllClose(windows.scaled(0).slice(0, 65, 71).select(1, 0)));
    MachineRecords later = records();
    later.machines[0].series.values.slice(0, later.machines[0].series.times.size(0) / 2 + 8).fill_(1e6F);
    const MachineWindows changed(later, {.step_s = 600, .steps = 6, .baseline_h = 11});
    CHECK_THAT(changed.window(0, 11 * 3600).at("vibration"),
               SameBits(MachineWindows(made, {.step_s = 600, .steps = 6, .baseline_h = 11}).window(0, 11 * 3600).at("vibration")));
  }
  SECTION("before the beginning there are gaps, and what was not measured enough is absent") {
    CHECK(windows.window(0, 599).empty());
    CHECK(windows.window(0, 600).empty());  // one step of six
    const Tensor early = windows.window(0, 1200).at("vibration");
    CHECK_THAT(early.select(1, 2), AllClose(torch::tensor({0.F, 0.F, 0.F, 0.F, 1.F, 1.F})));
    CHECK(early.slice(0, 0, 4).abs().sum().item<float>() == 0);
    CHECK(windows.window(0, 86400 + 1800).contains("vibration"));  // the last steps are behind the end
    CHECK(windows.window(0, 86400 + 3600 + 600).empty());
  }
  SECTION("a gap repeats what was before it; a group that is silent is absent, the other is there") {
    MachineRecords gaps = records();
    Tensor values = gaps.machines[0].series.values, times = gaps.machines[0].series.times;
    const Tensor noon = times.ge(12 * 3600).logical_and(times.lt(18 * 3600));
    values.select(1, 0).masked_fill_(noon, NAN);
    const MachineWindows some(gaps, {.step_s = 600, .steps = 6, .baseline_h = 24});
    const Tensor half = some.window(0, 12 * 3600 + 1800).at("vibration");
    CHECK_THAT(half.select(1, 2), AllClose(torch::tensor({1.F, 1.F, 1.F, 0.F, 0.F, 0.F})));
    CHECK_THAT(half.slice(0, 3).select(1, 0), AllClose(half[2][0].expand({3})));
    const ModalityMap<Tensor> silent = some.window(0, 15 * 3600);
    CHECK((!silent.contains("vibration") && silent.contains("temperature")));
  }
  SECTION("batches say who is present") {
    const std::vector<double> stops = {0, 3600, 7200};
    const Batch batch = windows.batch(1, stops);
    CHECK(batch.at("vibration").values.sizes() == at::IntArrayRef({3, 6, 3}));
    CHECK_THAT(batch.at("vibration").present, SameBits(torch::tensor({false, true, true})));
    CHECK_THAT(batch.at("vibration").values[2], SameBits(windows.window(1, 7200).at("vibration")));
    CHECK(windows.batch(1, std::vector<double>{0.0}).empty());
  }
  SECTION("what does not fit") {
    CHECK_THROWS_AS(MachineWindows(made, {.step_s = 0}), ConfigError);
    CHECK_THROWS_AS(MachineWindows(made, {.step_s = 1e-6}), ConfigError);  // more steps than there is memory for
    MachineRecords far = records();
    far.machines[1].series.times[-1] = 253402300799.0;
    CHECK_THROWS_WITH(MachineWindows(far, {.step_s = 600}),
                      ContainsSubstring("at most 2^24 steps") && ContainsSubstring("for b, from 1970-01-01T00:00:00Z to 9999-12-31T23:59:59Z"));
    CHECK_THROWS_AS(windows.window(2, 0), DataError);
    MachineRecords only{.channels = {"load.current"}};
    CHECK_THROWS_WITH(MachineWindows(only), ContainsSubstring("beside those of the context `load`"));
  }
}

TEST_CASE("machine pairs", "[data]") {
  MachineRecords made = records();
  made.logs = {{.machine = "a", .time_s = 40000, .text = "bearing worn", .start_s = 10000, .stop_s = 36000},
               {.machine = "a", .text = "no stamp"},
               {.machine = "b", .time_s = 50000, .text = "all fine"},
               {.machine = "b", .time_s = 60000, .text = "still fine"},
               {.machine = "b", .time_s = 1, .text = "before anything"}};
  const std::vector<int64_t> all = {0, 1}, second = {1};
  SECTION("an entry with an episode has that, another one its stamp, one without either is none") {
    const auto pairs = machine_pairs(made, all);
    REQUIRE(pairs.size() == 4);
    CHECK((pairs[0].machine == 0 && pairs[0].log == 0 && pairs[0].start_s == 10000 && pairs[0].stop_s == 36000));
    CHECK((pairs[1].machine == 1 && pairs[1].log == 2 && std::isnan(pairs[1].start_s) && pairs[1].stop_s == 50000));
    CHECK(machine_pairs(made, second).size() == 3);
  }
  const auto windows = std::make_shared<MachineWindows>(made, MachineWindowOptions{.step_s = 600, .steps = 6, .baseline_h = 24});
  SECTION("samples hold windows that end within the episode, and the text") {
    const MachinePairs data(windows, made, machine_pairs(made, all), {.earliest = 0.5});
    REQUIRE(data.size() == 3);  // what was before anything is left out
    Random random(1);
    std::set<float> seen;
    for (int i = 0; i < 50; ++i) {
      const Sample sample = data.get(0, random);
      CHECK(sample.id == "a, entry 0");
      CHECK(sample.values.names() == std::vector<std::string>{"vibration", "temperature", "text"});
      seen.insert(sample.values.at("vibration")[5][0].item<float>());
    }
    const auto hour = [&](double h) { return std::asinh((static_cast<float>(h) - 12) / (1.4826F * 6)); };
    CHECK(*seen.begin() >= hour(6));  // 23000 s is in the seventh hour, its last whole step in hour 6
    CHECK(*seen.rbegin() <= hour(9));
    CHECK(seen.size() > 2);
    CHECK_THAT(data.get(1, random).values.at("text"), SameBits(torch::tensor(HashedNgrams(MachinePairOptions{}.text).encode("all fine"))));
    CHECK((data.get(1, random).id == "routine" && data.get(2, random).id == "routine"));
  }
  SECTION("without any episode, entries are apart") {
    const MachinePairs data(windows, made, machine_pairs(made, second));
    Random random(1);
    CHECK(data.get(0, random).id == "b, entry 2");
  }
  SECTION("nothing to train on") {
    CHECK_THROWS_AS(MachinePairs(windows, made, std::vector<MachinePair>{{.machine = 0, .log = 0, .start_s = NAN, .stop_s = -1e9}}), DataError);
    CHECK_THROWS_AS(MachinePairs(windows, made, machine_pairs(made, all), {.earliest = 2}), ConfigError);
  }
}
