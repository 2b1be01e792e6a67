// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include "support/html.hpp"
#include "support/machines.hpp"

#include <alloy/core/error.hpp>
#include <alloy/eval/html_report.hpp>
#include <alloy/eval/machine_report.hpp>

using namespace alloy;

TEST_CASE("pictures of machines", "[eval]") {
  const MachineRecords records = machines_with_faults(1, {70, 100});
  const MachineWindows windows(records, {.steps = 12});
  EpisodeMatching matching{.episodes = {0, 1}, .logs = {0, 1, 2, 3}};
  matching.stops = torch::tensor({70.0 * 3600, 100.0 * 3600}, torch::kDouble);
  matching.machines = torch::zeros({2}, torch::kLong), matching.right = torch::tensor({0, 1}, torch::kLong);
  matching.candidates = torch::ones({2, 4}, torch::kBool);
  matching.candidates[0][3] = false;
  const Tensor evidence = torch::tensor({{2.0, 0.0, 0.0, 50.0}, {3.0, 1.0, 1.0, 0.0}}, torch::kDouble);
  const AlarmTrack alarm{.times = windows.clock(0), .scores = torch::zeros({1440}, torch::kDouble), .healthy = torch::ones({1440}, torch::kBool)};

  SECTION("a stretch shows the channels that moved, its episodes, and what each was matched to") {
    const html::TimeLine chart =
        machine_time_line(windows, records, matching, evidence,
                          {.machine = 0, .start_s = 50 * 3600, .stop_s = 110 * 3600, .alarm = alarm, .threshold = 2, .most_lanes = 1});
    REQUIRE(chart.lanes.size() == 2);
    CHECK((chart.lanes[0].name == "heat.b" && chart.lanes[1].name == "alarm" && chart.lanes[1].guide == 2));
    CHECK((chart.lanes[0].points.front().first == 0 && chart.lanes[0].points.back().first == 60));
    REQUIRE(chart.spans.size() == 2);
    CHECK((chart.spans[0].label == "A" && chart.spans[0].start == 10 && chart.spans[0].stop == 20 && chart.spans[1].label == "B"));
    REQUIRE(chart.marks.size() == 4);
    CHECK(chart.marks[0].note == "matched to A (78.7 %), B (75.7 %); written about A");  // e^2 / (e^2 + 2), e^3 / (e^3 + 2e + 1): the one that is no
                                                                                         // candidate of A does not count
    CHECK((chart.marks[0].strong && !chart.marks[1].strong && chart.marks[1].note == "written about B" && chart.marks[3].note.empty()));
    CHECK((chart.marks[0].at == Approx(20 + 1000 / 3600.0) && std::isnan(chart.marks[3].at)));
    CHECK(nesting_fault(html::page({.title = "t", .body = html::time_line(chart)})) == "");
  }
  SECTION("stretches of the first machines") {
    const MachineRecords more = machines_with_faults(3, {70});
    const MachineWindows clocks(more, {.steps = 12});
    const std::vector<int64_t> machines = {2, 0};
    const AlarmTrial trial{.threshold = 1.5, .tracks = {{.scores = torch::full({1}, 7.0)}, alarm}};
    const auto stretches = first_stretches(clocks, machines, &trial, {.most = 1, .begin_s = 3600, .length_s = 7200});
    REQUIRE(stretches.size() == 1);
    const double first = clocks.clock(2)[0].item<double>();
    CHECK((stretches[0].machine == 2 && stretches[0].start_s == first + 3600 && stretches[0].stop_s == first + 10800));
    CHECK((stretches[0].threshold == 1.5 && stretches[0].alarm.scores.item<double>() == 7));
    const auto usual = first_stretches(clocks, machines);
    REQUIRE(usual.size() == 2);
    CHECK((usual[0].start_s == first && usual[1].start_s == clocks.clock(0)[0].item<double>()));
    CHECK_THROWS_AS(first_stretches(clocks, std::vector<int64_t>{1}, &trial), ShapeError);
  }
  SECTION("elsewhere there is nothing to match") {
    const html::TimeLine chart = machine_time_line(windows, records, matching, evidence, {.machine = 0, .start_s = 150 * 3600, .stop_s = 160 * 3600});
    CHECK((chart.spans.empty() && chart.marks.empty() && chart.lanes.size() == 3));
    CHECK_THROWS_AS(machine_time_line(windows, records, matching, evidence.slice(0, 0, 1), {}), ShapeError);
  }
  SECTION("a page") {
    const std::vector<AlarmTrial> alarms = {
        {.name = "by <hand>", .scores = {.lead_s = torch::tensor({3600.0}, torch::kDouble), .caught = torch::tensor({true})}}};
    const RetrievalScore score{.name = "R@1", .score = {.value = 0.5, .low = 0.4, .high = 0.6}, .chance = 0.25};
    MachineReport report{.note = "Made & simulated.",
                         .scores = {{"content", score}},
                         .alarms = alarms,
                         .stretches = {{.machine = 0, .start_s = 50 * 3600, .stop_s = 110 * 3600}}};
    const std::string page = machine_report(windows, records, matching, evidence, report);
    CHECK(nesting_fault(page) == "");
    for (const std::string text : {"made &amp; simulated.", "50.0 %", "chance 25.0 %", "by &lt;hand&gt;", "overheated, cooler cleaned"})
      CHECK(text_of(page).find(text) != std::string::npos);
    report.scores.clear();
    CHECK_THROWS_AS(machine_report(windows, records, matching, evidence, report), DataError);
  }
  SECTION("how early alarms came") {
    const std::vector<AlarmTrial> alarms = {
        {.name = "one",
         .scores = {.lead_s = torch::tensor({3600.0, 0.0, 7200.0, 5400.0}, torch::kDouble), .caught = torch::tensor({true, false, true, true})}}};
    const html::LineChart chart = lead_chart(alarms, 3);
    REQUIRE(chart.lines.size() == 1);
    const auto at = [&](size_t i) { return chart.lines[0].points.at(i); };
    CHECK((at(0) == html::Point(0, 75) && at(4) == html::Point(1, 75) && at(5).second == 50 && at(7).second == 25 && at(9).second == 0));
  }
}
