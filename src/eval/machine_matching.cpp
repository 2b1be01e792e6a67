// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/machine_matching.hpp>

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace alloy {

namespace {

constexpr int64_t kRowsAtOnce = 512;

double window_seconds(const MachineWindows& windows) { return windows.options().step_s * static_cast<double>(windows.options().steps); }

}  // namespace

Tensor content_evidence(JointEmbedding joint, const Batch& windows, const Tensor& texts) {
  check_shape(texts, {-1, joint->options().dim}, "content_evidence", "texts");
  const int64_t rows = batch_size(windows);
  const at::NoGradGuard no_gradients;
  Tensor sum = torch::zeros({rows, texts.size(0)}, torch::kDouble);
  for (const auto& [group, input] : windows) {
    const Tensor present = input.present.defined() ? input.present.nonzero().flatten() : torch::arange(rows);
    if (present.numel() == 0) continue;
    const double scale = joint->objective()->scale(group, "text")->forward().item<double>();
    const Tensor cosine = joint->embed(group, input.rows(present)).mm(texts.t());  // [P, L]
    sum.index_add_(0, present, scale * cosine.to(torch::kCPU, torch::kDouble));
  }
  return sum;
}

EpisodeMatching match_episodes(JointEmbedding joint, const MachineWindows& windows, const MachineRecords& records, std::span<const int64_t> machines,
                               const HashedNgramsOptions& text) {
  EpisodeMatching out;
  std::unordered_map<std::string, int64_t> wanted;
  for (const int64_t machine : machines) wanted[records.machines.at(static_cast<size_t>(machine)).machine] = machine;
  const auto of = [&](int64_t log) -> const MachineLog& { return records.logs[static_cast<size_t>(log)]; };
  for (int64_t i = 0; i < std::ssize(records.logs); ++i)
    if (wanted.contains(of(i).machine)) out.logs.push_back(i);
  out.by_stamp = std::ranges::none_of(out.logs, [&](int64_t log) { return of(log).explains(); });
  std::vector<int64_t> right, machine_of;
  std::vector<double> stops, stamps;
  std::vector<Batch> rows;
  for (size_t i = 0; i < out.logs.size(); ++i) {
    const MachineLog& log = of(out.logs[i]);
    stamps.push_back(log.time_s);
    if (out.by_stamp ? !log.stamped() : !log.explains()) continue;
    out.episodes.push_back(out.logs[i]);
    right.push_back(static_cast<int64_t>(i));
    machine_of.push_back(wanted.at(log.machine));
    stops.push_back(out.by_stamp ? log.time_s : log.stop_s);
  }
  check<DataError>(!out.episodes.empty(),
                   "[match_episodes] expected an entry that explains an episode, or one with a stamp, got none among {} entries of {} machines",
                   {out.logs.size(), machines.size()});
  const Tensor texts = joint->embed("text", machine_texts(records, out.logs, text));  // [L, D]
  const auto episodes = std::ssize(out.episodes), logs = std::ssize(out.logs);
  out.content = torch::zeros({episodes, logs}, torch::kDouble);
  out.candidates = torch::zeros({episodes, logs}, torch::kBool);
  for (const std::string& group : windows.groups()) out.measured.insert(group, torch::zeros({episodes}, torch::kBool));
  for (int64_t e = 0; e < episodes; ++e) {
    const Batch batch = windows.batch(machine_of[static_cast<size_t>(e)], std::span(&stops[static_cast<size_t>(e)], 1));
    if (!batch.empty()) out.content[e] = content_evidence(joint, batch, texts)[0];
    for (const auto& [group, input] : batch) out.measured.at(group)[e] = true;
    const MachineLog& own = of(out.episodes[static_cast<size_t>(e)]);
    for (int64_t l = 0; l < logs; ++l) {
      const MachineLog& log = of(out.logs[static_cast<size_t>(l)]);
      if (log.machine == own.machine && (log.page == own.page || log.page < 0 || own.page < 0)) out.candidates[e][l] = true;
    }
  }
  out.stops = torch::tensor(stops, torch::kDouble), out.stamps = torch::tensor(stamps, torch::kDouble);
  out.right = torch::tensor(right, torch::kLong), out.machines = torch::tensor(machine_of, torch::kLong);
  return out;
}

Tensor sound_steps(const MachineWindows& windows, const MachineRecords& records, int64_t machine) {
  const Tensor& clock = windows.clock(machine);
  const std::string& name = records.machines.at(static_cast<size_t>(machine)).machine;
  Tensor sound = torch::ones({clock.size(0)}, torch::kBool);
  for (const MachineLog& log : records.logs)
    if (log.machine == name && log.explains()) sound.logical_and_(clock.lt(log.start_s).logical_or_(clock.gt(log.stop_s + window_seconds(windows))));
  return sound;
}

AlarmTexts alarm_texts(JointEmbedding joint, const MachineRecords& records, std::span<const MachinePair> pairs, int64_t most,
                       const HashedNgramsOptions& text) {
  std::vector<int64_t> faults, routine;
  for (const MachinePair& pair : pairs) {
    auto& kind = std::isfinite(pair.start_s) ? faults : routine;
    if (std::ssize(kind) < most) kind.push_back(pair.log);
  }
  check<DataError>(!faults.empty() && !routine.empty(), "[alarm_texts] expected entries that explain episodes and others, got {} and {}",
                   {faults.size(), routine.size()});
  return {.faults = joint->embed("text", machine_texts(records, faults, text)),
          .routine = joint->embed("text", machine_texts(records, routine, text))};
}

Tensor stamp_errors(const MachineRecords& records, std::span<const MachinePair> pairs) {
  std::vector<double> errors;
  for (const MachinePair& pair : pairs)
    if (std::isfinite(pair.start_s)) errors.push_back(records.logs.at(static_cast<size_t>(pair.log)).time_s - pair.stop_s);
  return torch::tensor(errors, torch::kDouble);
}

AlarmTrack text_alarm(JointEmbedding joint, const MachineWindows& windows, const MachineRecords& records, int64_t machine, const AlarmTexts& texts) {
  const Tensor& clock = windows.clock(machine);
  const auto* times = clock.const_data_ptr<double>();
  Tensor scores = torch::full({clock.size(0)}, NAN, torch::kDouble);
  for (int64_t first = 0; first < clock.size(0); first += kRowsAtOnce) {
    const int64_t count = std::min(kRowsAtOnce, clock.size(0) - first);
    const Batch batch = windows.batch(machine, std::span(times + first, static_cast<size_t>(count)));
    if (batch.empty()) continue;
    Tensor measured = torch::zeros({count}, torch::kBool);
    for (const auto& [group, input] : batch) measured.logical_or_(input.present);
    const auto mean = [&](const Tensor& of) { return content_evidence(joint, batch, of).logsumexp(1) - std::log(static_cast<double>(of.size(0))); };
    scores.narrow(0, first, count).copy_(torch::where(measured, mean(texts.faults) - mean(texts.routine), NAN));
  }
  return {.times = clock, .scores = scores, .healthy = sound_steps(windows, records, machine)};
}

std::vector<AlarmEpisode> failures_of(const MachineRecords& records, std::span<const int64_t> machines) {
  std::vector<AlarmEpisode> failures;
  for (size_t track = 0; track < machines.size(); ++track)
    for (const MachineLog& log : records.logs)
      if (log.failure && log.explains() && log.machine == records.machines.at(static_cast<size_t>(machines[track])).machine)
        failures.push_back({.track = static_cast<int64_t>(track), .start_s = log.start_s, .stop_s = log.stop_s});
  return failures;
}

}  // namespace alloy
