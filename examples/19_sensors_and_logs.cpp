// SPDX-License-Identifier: Apache-2.0
/// Sensors and logs: which entry of a maintenance log explains which episode of a machine, and how early do the words that were written
/// about other machines raise an alarm on this one? Vibration, temperatures and texts learn one space; the times, which are wrong by
/// hours or missing, are evidence beside it. Machines, faults and logs are simulated (data/machine_simulator.hpp), or your own tables:
///
///     example_19_sensors_and_logs [--full] [--report page.html] [--export DIR] [--csv series.csv logs.csv]

#include <alloy/alignment/time_evidence.hpp>
#include <alloy/core/threads.hpp>
#include <alloy/data/machine_simulator.hpp>
#include <alloy/encoders/hashed_text.hpp>
#include <alloy/encoders/series.hpp>
#include <alloy/eval/candidate_scores.hpp>
#include <alloy/eval/machine_matching.hpp>
#include <alloy/eval/sensor_alarms.hpp>
#include <alloy/train/contrastive_trainer.hpp>

#include <cstdio>
#include <cstring>
#include <numeric>

using namespace alloy;

namespace {

struct Arguments {
  bool full = false;
  std::filesystem::path report = {}, export_to = {}, series = {}, logs = {};
};

Arguments read_arguments(int count, char** values) {
  Arguments out;
  for (int i = 1; i < count; ++i) {
    const auto has = [&](const char* name, int more) { return std::strcmp(values[i], name) == 0 && i + more < count; };
    if (has("--full", 0)) out.full = true;
    else if (has("--report", 1)) out.report = values[++i];
    else if (has("--export", 1)) out.export_to = values[++i];
    else if (has("--csv", 2)) out.series = values[i + 1], out.logs = values[i + 2], i += 2;
    else fail<ConfigError>("expected --full, --report FILE, --export DIR or --csv SERIES LOGS, got {}", {std::string(values[i])});
  }
  return out;
}

std::vector<int64_t> range(int64_t begin, int64_t end) {
  std::vector<int64_t> out(static_cast<size_t>(end - begin));
  std::iota(out.begin(), out.end(), begin);
  return out;
}

void print(const char* name, const Score& score, const char* more = "") { std::printf("  %-34s %5.1f %%  (%.1f .. %.1f)%s\n", name, 100 * score.value, 100 * score.low, 100 * score.high, more); }

/// Embeddings of the training machines' entries that explain an episode, or of the others.
Tensor known_texts(JointEmbedding joint, const MachineRecords& records, const std::vector<MachinePair>& pairs, bool faults) {
  std::vector<int64_t> logs;
  for (const MachinePair& pair : pairs)
    if (std::isfinite(pair.start_s) == faults && logs.size() < 400) logs.push_back(pair.log);
  return joint->embed("text", machine_texts(records, logs));
}

}  // namespace

int main(int argc, char** argv) try {
  const Arguments arguments = read_arguments(argc, argv);
  const ThreadScope one_thread(1);
  seed_everything(1);
  const MachineSimulatorOptions simulation = arguments.full ? MachineSimulatorOptions{.machines = 60, .days = 40} : MachineSimulatorOptions{.machines = 16, .days = 10};
  const MachineRecords records = arguments.series.empty() ? simulate_machines(simulation).records : read_machine_records(arguments.series, arguments.logs);
  if (!arguments.export_to.empty()) return write_machine_records(records, arguments.export_to), 0;
  const int64_t machines = std::ssize(records.machines), trained = machines * 6 / 10, chosen = machines * 3 / 4;
  check<DataError>(trained >= 1 && chosen > trained && machines > chosen, "expected at least 4 machines, to train on, to choose by and to report on, got {}", {machines});
  const std::vector<int64_t> train = range(0, trained), valid = range(trained, chosen), test = range(chosen, machines);  // plants, and their technicians, are apart

  // [sensors and logs]
  const auto windows = std::make_shared<MachineWindows>(records, MachineWindowOptions{});  // one clock for sensors of any rate
  JointEmbedding joint({.dim = 32, .loss = {.scheme = PairScheme::anchored, .anchor = "text", .scale_per_pair = true}});
  for (const std::string& group : windows->groups()) joint->add(group, DilatedConvEncoder({.channels = windows->channels(group), .dim = 32, .layers = 3}));
  joint->add("text", HashedTextEncoder({.buckets = 4096, .dim = 32, .embedding_dim = 32, .hidden_dim = 64, .id_dropout_rate = 0.2}));
  const std::vector<MachinePair> pairs = machine_pairs(records, train);
  Loader loader(std::make_shared<MachinePairs>(windows, records, pairs), {.batch_size = 64});
  const int64_t epochs = arguments.full ? 30 : 25;
  ContrastiveTrainer(joint, {.learning_rate = 3e-3, .epochs = epochs, .schedule = {.warmup = 20}, .positives = Positives::ids}).fit(loader);

  std::vector<double> differences;
  for (const MachinePair& pair : pairs)
    if (std::isfinite(pair.start_s)) differences.push_back(records.logs[static_cast<size_t>(pair.log)].time_s - pair.stop_s);
  const TimePrior prior = fit_time_prior(torch::tensor(differences, torch::kDouble), /*period_s=*/4 * 86400);
  const EpisodeMatching found = match_episodes(joint, *windows, records, test);
  const Tensor time = time_evidence(found.stops, found.stamps, prior);
  const auto score = [&](const Tensor& evidence) { return candidate_scores(evidence, found.candidates, found.right, found.machines); };
  const Tensor apart = (found.stamps.unsqueeze(0) - found.stops.unsqueeze(1)).abs();
  const CandidateScores nearest = score(torch::where(apart.isnan(), -INFINITY, -apart)), content = score(found.content), both = score(found.content + time);
  // [sensors and logs]
  std::printf("which entry explains which episode: R@1 of %zu episodes of %zu machines that were not trained on\n", found.episodes.size(), test.size());
  std::printf("  %-34s %5.1f %%\n", "chance", 100 * both.r1.chance);
  print("nearest stamp", nearest.r1.score), print("content alone", content.r1.score), print("content and time", both.r1.score);
  const Score gain = clustered_mean(both.hits - nearest.hits, found.machines);
  print("gain over the nearest stamp", gain);

  // [alarms]
  const AlarmOptions options{.false_alarms = 0.01, .persistence = 3};
  const Tensor faults = known_texts(joint, records, pairs, true), routine = known_texts(joint, records, pairs, false);
  const auto tracks = [&](const std::vector<int64_t>& of, auto&& alarm) {
    std::vector<AlarmTrack> out;
    for (const int64_t machine : of) out.push_back(alarm(machine));
    return out;
  };
  const auto words = [&](int64_t machine) { return text_alarm(joint, *windows, records, machine, faults, routine); };
  const std::vector<AlarmTrack> alarm = tracks(test, words);
  const double threshold = alarm_threshold(tracks(valid, words), options);
  const std::vector<AlarmEpisode> failures = failures_of(records, test);
  const AlarmScores learned = score_alarms(alarm, failures, threshold, options);
  const BestSensor best = best_sensor(*windows, records, valid, options);
  const AlarmScores sensor = score_alarms(tracks(test, [&](int64_t m) { return sensor_alarm(*windows, records, m, best.rule); }), failures, best.threshold, options);
  // [alarms]
  std::printf("%zu failures; best sensor %s\n", failures.size(), records.channels[static_cast<size_t>(best.rule.channel)].c_str());
  for (const auto& [name, s] : {std::pair{"words", learned}, {"sensor", sensor}})
    std::printf("  %-10s false %.2f %% caught %.1f %% mean lead %.2f h\n", name, 100 * s.false_alarms, 100 * s.caught.to(torch::kDouble).mean().item<double>(), s.lead_s.mean().item<double>() / 3600);
  const DistanceAlarm distance(*windows, records, train);
  const auto far = [&](int64_t m) { return distance(*windows, records, m); };
  const AlarmScores d = score_alarms(tracks(test, far), failures, alarm_threshold(tracks(valid, far), options), options);
  std::printf("  %-10s false %.2f %% caught %.1f %% mean lead %.2f h\n", "T2", 100 * d.false_alarms, 100 * d.caught.to(torch::kDouble).mean().item<double>(), d.lead_s.mean().item<double>() / 3600);
  return 0;
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
