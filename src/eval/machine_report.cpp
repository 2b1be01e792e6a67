// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/machine_report.hpp>

#include <alloy/eval/html_report.hpp>

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace alloy {

namespace {

constexpr double kHour = 3600;

/// Points of a row of values within a stretch, in hours from its start.
std::vector<html::Point> points_of(const Tensor& times, const Tensor& values, const MachineStretch& stretch) {
  const Tensor t = times.to(torch::kDouble).contiguous(), v = values.to(torch::kDouble).contiguous();
  std::vector<html::Point> points;
  for (int64_t i = 0; i < t.size(0); ++i) {
    const double at = t.const_data_ptr<double>()[i];
    if (at >= stretch.start_s && at <= stretch.stop_s) points.emplace_back((at - stretch.start_s) / kHour, v.const_data_ptr<double>()[i]);
  }
  return points;
}

/// The channels that went farthest from what is usual, in the order of the records.
std::vector<html::TimeLane> farthest_lanes(const MachineWindows& windows, const MachineRecords& records, const MachineStretch& stretch) {
  const Tensor& scaled = windows.scaled(stretch.machine);
  std::vector<html::TimeLane> lanes;
  std::vector<double> farthest;
  for (int64_t c = 0; c < scaled.size(1); ++c) {
    lanes.push_back(
        {.name = records.channels[static_cast<size_t>(c)], .points = points_of(windows.clock(stretch.machine), scaled.select(1, c), stretch)});
    std::vector<double> sizes;
    for (const html::Point& p : lanes.back().points)
      if (std::isfinite(p.second)) sizes.push_back(std::abs(p.second));
    std::ranges::sort(sizes);
    farthest.push_back(sizes.empty() ? -1 : sizes[sizes.size() * 95 / 100]);  // not of single steps
  }
  std::vector<size_t> order(lanes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, std::greater<>(), [&](size_t c) { return farthest[c]; });
  order.resize(std::min(order.size(), static_cast<size_t>(std::max<int64_t>(stretch.most_lanes, 0))));
  std::ranges::sort(order);
  std::vector<html::TimeLane> kept;
  for (const size_t c : order) kept.push_back(std::move(lanes[c]));
  return kept;
}

std::string letter(size_t episode) { return episode < 26 ? std::string(1, static_cast<char>('A' + episode)) : std::to_string(episode + 1); }

}  // namespace

std::vector<MachineStretch> first_stretches(const MachineWindows& windows, std::span<const int64_t> machines, const AlarmTrial* alarm,
                                            const StretchOptions& options) {
  check<ShapeError>(alarm == nullptr || alarm->tracks.size() == machines.size(),
                    "[first_stretches] expected a track of the alarm for each of {} machines", {machines.size()});
  std::vector<MachineStretch> stretches;
  for (size_t i = 0; i < std::min(machines.size(), options.most); ++i) {
    const double start = windows.clock(machines[i])[0].item<double>() + options.begin_s;
    stretches.push_back({.machine = machines[i], .start_s = start, .stop_s = start + options.length_s});
    if (alarm != nullptr) stretches.back().alarm = alarm->tracks[i], stretches.back().threshold = alarm->threshold;
  }
  return stretches;
}

html::TimeLine machine_time_line(const MachineWindows& windows, const MachineRecords& records, const EpisodeMatching& matching,
                                 const Tensor& evidence, const MachineStretch& stretch) {
  const auto episodes = std::ssize(matching.episodes), logs = std::ssize(matching.logs);
  check_shape(evidence, {episodes, logs}, "machine_time_line", "evidence");
  html::TimeLine chart{.title = records.machines.at(static_cast<size_t>(stretch.machine)).machine,
                       .x_name = "hours",
                       .lanes = farthest_lanes(windows, records, stretch)};
  if (stretch.alarm.times.defined())
    chart.lanes.push_back({.name = "alarm", .points = points_of(stretch.alarm.times, stretch.alarm.scores, stretch), .guide = stretch.threshold});
  std::map<int64_t, std::string> truly, matched;  // by entry: the episode
  std::vector<bool> shown(static_cast<size_t>(logs), false);
  for (int64_t e = 0; e < episodes; ++e) {
    const double stop = matching.stops[e].item<double>();
    if (matching.machines[e].item<int64_t>() != stretch.machine || stop < stretch.start_s || stop > stretch.stop_s) continue;
    const std::string name = letter(chart.spans.size());
    const MachineLog& own = records.logs[static_cast<size_t>(matching.episodes[static_cast<size_t>(e)])];
    const double start = own.explains() ? own.start_s : stop - windows.options().step_s * static_cast<double>(windows.options().steps);
    chart.spans.push_back({.start = (start - stretch.start_s) / kHour, .stop = (stop - stretch.start_s) / kHour, .label = name});
    const Tensor row = torch::where(matching.candidates[e], evidence[e].to(torch::kDouble), -INFINITY), share = row.softmax(0);
    const int64_t best = row.argmax().item<int64_t>();
    matched[best] += (matched[best].empty() ? "" : ", ") + name + " (" + html::percent(share[best].item<double>()) + " %)";
    truly[matching.right[e].item<int64_t>()] = name;
    for (int64_t l = 0; l < logs; ++l) shown[static_cast<size_t>(l)] = shown[static_cast<size_t>(l)] || matching.candidates[e][l].item<bool>();
  }
  for (int64_t l = 0; l < logs; ++l) {
    if (!shown[static_cast<size_t>(l)]) continue;
    const bool is_matched = matched.contains(l), is_true = truly.contains(l);
    std::string note = is_matched ? "matched to " + matched[l] : "";
    if (is_true) note += (note.empty() ? "" : "; ") + std::string("written about ") + truly[l];
    const MachineLog& log = records.logs[static_cast<size_t>(matching.logs[static_cast<size_t>(l)])];
    chart.marks.push_back({.at = (log.time_s - stretch.start_s) / kHour, .text = log.text, .note = note, .strong = is_matched});
  }
  return chart;
}

html::LineChart lead_chart(std::span<const AlarmTrial> trials, double longest_h) {
  html::LineChart chart{.title = "Alarms before failures",
                        .description = "Share of the failures for which an alarm was raised at least so many hours before.",
                        .x_name = "hours before the failure",
                        .y_name = "% with an alarm",
                        .lines = {}};
  for (const AlarmTrial& alarm : trials) {
    html::Line line{.name = alarm.name, .points = {}};
    const Tensor lead = alarm.scores.lead_s.masked_select(alarm.scores.caught);
    for (double hours = 0; hours <= longest_h; hours += 0.25)
      line.points.emplace_back(
          hours, 100 * lead.ge(hours * kHour).sum().item<double>() / static_cast<double>(std::max<int64_t>(alarm.scores.caught.numel(), 1)));
    chart.lines.push_back(std::move(line));
  }
  return chart;
}

std::string machine_report(const MachineWindows& windows, const MachineRecords& records, const EpisodeMatching& matching, const Tensor& evidence,
                           const MachineReport& report) {
  check<DataError>(!report.scores.empty(), "[machine_report] expected at least one score, got none");
  html::BarChart bars{.title = "R@1",
                      .description = "Share of the episodes whose entry is found first.",
                      .bars = {},
                      .guides = {{.label = "chance", .value = report.scores.front().second.chance}}};
  for (const auto& [name, score] : report.scores) bars.bars.push_back({.label = name, .score = score.score});
  std::string body = "<h1>" + html::escape(report.title) + "</h1><p>" + html::escape(report.note) + "</p>";
  body += html::section("entries", "Which entry explains which episode", html::bar_chart(bars));
  if (!report.alarms.empty()) body += html::section("alarms", "How early", html::line_chart(lead_chart(report.alarms)));
  for (size_t i = 0; i < report.stretches.size(); ++i) {
    const html::TimeLine chart = machine_time_line(windows, records, matching, evidence, report.stretches[i]);
    body += html::section("machine-" + std::to_string(i + 1), chart.title, html::time_line(chart));
  }
  return html::page({.title = report.title, .body = body});
}

}  // namespace alloy
