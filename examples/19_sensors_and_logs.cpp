// SPDX-License-Identifier: Apache-2.0
/// Sensors and logs: which entry of a maintenance log explains which episode of a machine, and how early do the words that were written
/// about other machines raise an alarm on this one? Vibration, temperatures and texts learn one space; the times, which are wrong by
/// hours or missing, are evidence beside it. Machines, faults and logs are simulated (data/machine_simulator.hpp), or your own tables
/// (data/machine_records.hpp). The machines that are reported on, and the people who write about them, are not among those of training.
///
///     example_19_sensors_and_logs [--full] [--report page.html] [--export folder] [--csv series.csv logs.csv]

#include <alloy/alignment/time_evidence.hpp>
#include <alloy/core/threads.hpp>
#include <alloy/data/machine_simulator.hpp>
#include <alloy/encoders/hashed_text.hpp>
#include <alloy/encoders/series.hpp>
#include <alloy/eval/candidate_scores.hpp>
#include <alloy/eval/html_report.hpp>
#include <alloy/eval/machine_report.hpp>
#include <alloy/eval/sensor_alarms.hpp>
#include <alloy/io/atomic_write.hpp>
#include <alloy/train/contrastive_trainer.hpp>

#include <cstdio>
#include <numeric>

using namespace alloy;

namespace {

struct Arguments {
  bool full = false;
  std::string report = {}, folder = {}, series = {}, logs = {};
};

Arguments read_arguments(std::span<char*> words) {
  Arguments out;
  for (size_t i = 1; i < words.size(); ++i) {
    const auto is = [&](std::string_view name, size_t values) { return words[i] == name && i + values < words.size(); };
    if (is("--full", 0)) out.full = true;
    else if (is("--report", 1)) out.report = words[++i];
    else if (is("--export", 1)) out.folder = words[++i];
    else if (is("--csv", 2)) out.series = words[++i], out.logs = words[++i];
    else fail<ConfigError>("expected --full, --report FILE, --export FOLDER or --csv SERIES LOGS, got {}", {std::string(words[i])});
  }
  return out;
}

std::vector<int64_t> range(int64_t begin, int64_t end) {
  std::vector<int64_t> out(static_cast<size_t>(end - begin));
  std::iota(out.begin(), out.end(), begin);
  return out;
}

/// Embeddings of entries that explain an episode, or of the others.
Tensor embed_entries(JointEmbedding joint, const MachineRecords& records, const std::vector<MachinePair>& pairs, bool faults) {
  std::vector<int64_t> logs;
  for (const MachinePair& pair : pairs)
    if (std::isfinite(pair.start_s) == faults && logs.size() < 400) logs.push_back(pair.log);
  return joint->embed("text", machine_texts(records, logs));
}

void print(const char* name, const Score& s, double unit = 100, const char* unit_name = "%") {
  std::printf("  %-32s %5.1f %s  (%.1f .. %.1f)\n", name, unit * s.value, unit_name, unit * s.low, unit * s.high);
}

}  // namespace

int main(int argc, char** argv) try {
  const Arguments arguments = read_arguments({argv, static_cast<size_t>(argc)});
  const ThreadScope one_thread(1);
  seed_everything(1);
  const MachineSimulatorOptions simulation = arguments.full ? MachineSimulatorOptions{.machines = 60, .days = 40} : MachineSimulatorOptions{.machines = 16, .days = 10};
  const MachineRecords records = arguments.series.empty() ? simulate_machines(simulation).records : read_machine_records(arguments.series, arguments.logs);
  if (!arguments.folder.empty()) return write_machine_records(records, arguments.folder), 0;
  const int64_t count = std::ssize(records.machines), trained = count * 6 / 10, chosen = count * 3 / 4;
  check<DataError>(trained > 0 && chosen > trained && count > chosen, "expected at least 4 machines: to train on, to choose by, to report on; got {}", {count});
  const std::vector<int64_t> train = range(0, trained), valid = range(trained, chosen), test = range(chosen, count);

  // [sensors and logs]
  const auto windows = std::make_shared<MachineWindows>(records, MachineWindowOptions{});  // sensors of any rate on one clock
  JointEmbedding joint({.dim = 32, .loss = {.scheme = PairScheme::anchored, .anchor = "text", .scale_per_pair = true}});
  for (const std::string& group : windows->groups()) joint->add(group, DilatedConvEncoder({.channels = windows->channels(group), .dim = 32, .layers = 3}));
  joint->add("text", HashedTextEncoder({.buckets = 4096, .dim = 32, .embedding_dim = 32, .hidden_dim = 64, .id_dropout_rate = 0.2}));
  const std::vector<MachinePair> pairs = machine_pairs(records, train);
  Loader loader(std::make_shared<MachinePairs>(windows, records, pairs), {.batch_size = 64});
  ContrastiveTrainer(joint, {.learning_rate = 3e-3, .epochs = arguments.full ? 30 : 25, .schedule = {.warmup = 20}}).fit(loader);

  std::vector<double> errors;  // of the stamps of what is known
  for (const MachinePair& pair : pairs)
    if (std::isfinite(pair.start_s)) errors.push_back(records.logs[static_cast<size_t>(pair.log)].time_s - pair.stop_s);
  const EpisodeMatching found = match_episodes(joint, *windows, records, test);
  const Tensor apart = (found.stamps.unsqueeze(0) - found.stops.unsqueeze(1)).abs();  // [E, L] seconds, NaN without a stamp
  const Tensor time = found.by_stamp ? torch::zeros_like(apart) : time_evidence(found.stops, found.stamps, fit_time_prior(torch::tensor(errors, torch::kDouble), 4 * 86400));
  const auto score = [&](const Tensor& evidence) { return candidate_scores(evidence, found.candidates, found.right, found.machines); };
  const CandidateScores nearest = score(torch::where(apart.isnan(), -INFINITY, -apart)), content = score(found.content), both = score(found.content + time);
  // [sensors and logs]
  const Score gain = clustered_mean(both.hits - nearest.hits, found.machines);
  std::printf("Which entry explains which episode: R@1 of %zu episodes of %zu machines, 95 %% intervals over machines\n", found.episodes.size(), test.size());
  std::printf("  %-32s %5.1f %%\n", "chance", 100 * both.r1.chance);
  if (!found.by_stamp) print("nearest stamp", nearest.r1.score);
  print("content alone", content.r1.score);
  if (!found.by_stamp) print("content and time", both.r1.score), print("gain over the nearest stamp", gain);

  const std::vector<AlarmEpisode> failures = failures_of(records, test);
  if (failures.empty() || failures_of(records, valid).empty()) return std::printf("no alarms: the log names no failure (columns start, stop, failure) of machines to choose by or to report on\n"), 0;
  // [alarms]
  const AlarmOptions options{.false_alarms = 0.01, .persistence = 3};
  const Tensor faults = embed_entries(joint, records, pairs, true), routine = embed_entries(joint, records, pairs, false);
  const auto alarms = [&](const std::vector<int64_t>& machines, auto&& alarm) {
    std::vector<AlarmTrack> tracks;
    for (const int64_t machine : machines) tracks.push_back(alarm(machine));
    return tracks;
  };
  const auto in_words = [&](int64_t machine) { return text_alarm(joint, *windows, records, machine, faults, routine); };
  const DistanceAlarm distance(*windows, records, train);
  const auto of_all = [&](int64_t machine) { return distance(*windows, records, machine); };
  const BestSensor best = best_sensor(*windows, records, valid, options);
  const auto of_one = [&](int64_t machine) { return sensor_alarm(*windows, records, machine, best.rule); };
  const std::vector<AlarmTrack> tracks = alarms(test, in_words);
  const double threshold = alarm_threshold(alarms(valid, in_words), options);
  const std::vector<NamedAlarms> methods = {{"words about other machines", score_alarms(tracks, failures, threshold, options)},
                                            {"best sensor, " + records.channels[static_cast<size_t>(best.rule.channel)], score_alarms(alarms(test, of_one), failures, best.threshold, options)},
                                            {"all sensors, T^2", score_alarms(alarms(test, of_all), failures, alarm_threshold(alarms(valid, of_all), options), options)}};
  // [alarms]
  Tensor machine_of = torch::zeros({std::ssize(failures)}, torch::kLong);
  for (size_t i = 0; i < failures.size(); ++i) machine_of[static_cast<int64_t>(i)] = failures[i].track;
  std::printf("Alarms before %zu failures, thresholds for 1 %% false alarms on other machines\n", failures.size());
  std::vector<Score> leads;
  for (const auto& [name, scores] : methods) {
    leads.push_back(clustered_mean(scores.lead_s / 3600, machine_of));
    std::printf("%s: false alarms %.2f %%\n", name.c_str(), 100 * scores.false_alarms);
    print("caught", clustered_mean(scores.caught, machine_of)), print("mean lead, 0 where missed", leads.back(), 1, "h");
  }
  const Score more = clustered_mean((methods[0].scores.lead_s - methods[1].scores.lead_s) / 3600, machine_of);
  print("more lead than the best sensor", more, 1, "h");

  if (!arguments.report.empty()) {
    html::BarChart bars{.title = "R@1", .description = "Share of episodes whose entry is found first.", .bars = {}, .guides = {{.label = "chance", .value = both.r1.chance}}};
    for (const auto& [name, scores] : {std::pair{"nearest stamp", nearest}, {"content alone", content}, {"content and time", both}}) bars.bars.push_back({.label = name, .score = scores.r1.score});
    std::string body = "<h1>Sensors and logs</h1><p>" + std::string(arguments.series.empty() ? "Simulated machines." : "Machines of your tables.") + "</p>";
    body += html::section("entries", "Which entry explains which episode", html::bar_chart(bars)) + html::section("alarms", "How early", html::line_chart(lead_chart(methods)));
    for (size_t i = 0; i < std::min<size_t>(test.size(), 3); ++i) {
      const double first = tracks[i].times[0].item<double>() + 4 * 86400;
      body += html::section("machine-" + std::to_string(i), records.machines[static_cast<size_t>(test[i])].machine,
                            html::time_line(machine_time_line(*windows, records, found, found.content + time, {.machine = test[i], .start_s = first, .stop_s = first + 4 * 86400, .alarm = tracks[i], .threshold = threshold})));
    }
    write_file(arguments.report, html::page({.title = "Sensors and logs", .body = body}));
  }
  const bool expected = arguments.full ? both.r1.score.low > nearest.r1.score.high && gain.low > 0.2 && more.low > 0.5 : gain.low > 0 && both.r1.score.value > content.r1.score.value && more.value > 0;
  std::printf("%s: content and time find more entries than the nearest stamp does, and words raise alarms before the best sensor\n", expected ? "as expected" : "NOT what was expected");
  return expected || !arguments.series.empty() ? 0 : 1;
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
