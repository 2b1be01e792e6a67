// SPDX-License-Identifier: Apache-2.0
/// Sensors and logs: which entry of a maintenance log explains which episode of a machine, and how early do the words that were written
/// about other machines raise an alarm on this one? Vibration, temperatures and texts learn one space; the times, which are wrong by
/// hours or missing, are evidence beside it. Machines, faults and logs are simulated (data/machine_simulator.hpp), or your own tables
/// (data/machine_records.hpp). The machines that are reported on, and the people who write about them, are not among those of training.
///
///     example_19_sensors_and_logs                            20 machines of 12 days, seconds: entries are found, alarms are too few to judge
///     example_19_sensors_and_logs --full --report page.html  60 machines of 40 days: see docs/alignment.md
///     example_19_sensors_and_logs --csv series.csv logs.csv  your own; --export FOLDER writes simulated tables of that form

#include "example_arguments.hpp"

#include <alloy/alignment/time_evidence.hpp>
#include <alloy/core/threads.hpp>
#include <alloy/data/machine_simulator.hpp>
#include <alloy/encoders/hashed_text.hpp>
#include <alloy/encoders/series.hpp>
#include <alloy/eval/candidate_scores.hpp>
#include <alloy/eval/machine_report.hpp>
#include <alloy/eval/sensor_alarms.hpp>
#include <alloy/train/contrastive_trainer.hpp>

#include <numeric>

using namespace alloy;

namespace {

std::vector<int64_t> range(int64_t begin, int64_t end) {
  std::vector<int64_t> out(static_cast<size_t>(end - begin));
  std::iota(out.begin(), out.end(), begin);
  return out;
}

void print(const char* name, const Score& s, double unit = 100, const char* unit_name = "%") {
  std::printf("  %-32s %5.1f %s  (%.1f .. %.1f)\n", name, unit * s.value, unit_name, unit * s.low, unit * s.high);
}

/// Of words about other machines, the best sensor, all sensors; none if the log names no failures.
std::vector<AlarmTrial> try_alarms(JointEmbedding joint, const MachineWindows& windows, const MachineRecords& records,
                                   const std::vector<MachinePair>& pairs, const std::vector<int64_t>& train, const std::vector<int64_t>& valid,
                                   const std::vector<int64_t>& test) {
  const std::vector<AlarmEpisode> failures = failures_of(records, test);
  if (failures.empty() || failures_of(records, valid).empty()) return {};
  // [alarms]
  const AlarmOptions options{.false_alarms = 0.01, .persistence = 3};
  const AlarmTexts texts = alarm_texts(joint, records, pairs);
  const DistanceAlarm distance(windows, records, train);
  const BestSensor best = best_sensor(windows, records, valid, options);
  const auto in_words = [&](int64_t machine) { return text_alarm(joint, windows, records, machine, texts); };
  const auto of_one = [&](int64_t machine) { return sensor_alarm(windows, records, machine, best.rule); };
  const auto of_all = [&](int64_t machine) { return distance(windows, records, machine); };
  return {try_alarm("words about other machines", in_words, valid, test, failures, options),
          try_alarm("best sensor, " + records.channels[static_cast<size_t>(best.rule.channel)], of_one, valid, test, failures, options),
          try_alarm("all sensors, T^2", of_all, valid, test, failures, options)};
  // [alarms]
}

int explain(const example::Arguments& arguments) {
  const ThreadScope one_thread(1);
  const bool full = arguments.has("--full"), own = arguments.has("--csv");
  seed_everything(1);
  if (arguments.has("--export"))
    return write_machine_records(simulate_machines({.machines = 8, .machines_per_plant = 2, .days = 8}).records, arguments.value("--export")), 0;
  const MachineSimulatorOptions simulation =
      full ? MachineSimulatorOptions{.machines = 60, .days = 40} : MachineSimulatorOptions{.machines = 20, .days = 12};
  const MachineRecords records =
      own ? read_machine_records(arguments.value("--csv", 0), arguments.value("--csv", 1)) : simulate_machines(simulation).records;
  const std::string small = "Simulated machines, the small form: enough episodes to judge how entries are found by, too few failures for alarms.",
                    note = own    ? to_text(records.counts)
                           : full ? "Simulated machines."
                                  : small;
  std::puts(note.c_str());
  const int64_t count = std::ssize(records.machines), trained = count * 6 / 10, chosen = count * 3 / 4;
  check<DataError>(trained > 0 && chosen > trained && count > chosen, "expected at least 4 machines: to train on, to choose by, to report on; got {}",
                   {count});
  const std::vector<int64_t> train = range(0, trained), valid = range(trained, chosen), test = range(chosen, count);

  // [sensors and logs]
  const auto windows = std::make_shared<MachineWindows>(records, MachineWindowOptions{});  // sensors of any rate on one clock
  JointEmbedding joint({.dim = 32, .loss = {.scheme = PairScheme::anchored, .anchor = "text", .scale_per_pair = true}});
  for (const std::string& group : windows->groups()) joint->add(group, GruEncoder({.channels = windows->channels(group), .dim = 32}));
  joint->add("text", HashedTextEncoder({.buckets = 4096, .dim = 32, .embedding_dim = 32, .hidden_dim = 64, .id_dropout_rate = 0.2}));
  const std::vector<MachinePair> pairs = machine_pairs(records, train);
  Loader loader(std::make_shared<MachinePairs>(windows, records, pairs), {.batch_size = 64});
  ContrastiveTrainer(joint, {.learning_rate = 3e-3, .epochs = full ? 30 : 25, .schedule = {.warmup = 20}}).fit(loader);

  const EpisodeMatching known = match_episodes(joint, *windows, records, valid), found = match_episodes(joint, *windows, records, test);
  const auto time_of = [&](const EpisodeMatching& m) {
    return m.by_stamp ? torch::zeros_like(m.content) : time_evidence(m.stops, m.stamps, fit_time_prior(stamp_errors(records, pairs), 4 * 86400));
  };
  const double trust = fit_evidence_weight(bounded_evidence(known.content), time_of(known), known.candidates, known.right);
  const Tensor evidence = trust * bounded_evidence(found.content) + time_of(found);   // [E, L]
  const Tensor apart = (found.stamps.unsqueeze(0) - found.stops.unsqueeze(1)).abs();  // [E, L] seconds, NaN without a stamp
  const auto score = [&](const Tensor& scores) { return candidate_scores(scores, found.candidates, found.right, found.machines); };
  const CandidateScores nearest = score(torch::where(apart.isnan(), -INFINITY, -apart)), content = score(found.content), both = score(evidence);
  // [sensors and logs]
  const Score gain = clustered_mean(both.hits - nearest.hits, found.machines);
  std::printf("Which entry explains which episode: R@1 of %zu episodes of %zu machines, 95 %% intervals over machines\n", found.episodes.size(),
              test.size());
  std::vector<std::pair<std::string, RetrievalScore>> scores = {{"content alone", content.r1}};
  if (!found.by_stamp) scores.insert(scores.end(), {{"nearest stamp", nearest.r1}, {"content and time", both.r1}});
  for (const auto& [name, r1] : scores) print(name.c_str(), r1.score);
  std::printf("  %-32s %5.1f %%\n", "chance", 100 * content.r1.chance);
  Tensor silent = torch::zeros_like(found.right, torch::kBool);  // a group of sensors was not measured
  for (const auto& [group, measured] : found.measured) silent.logical_or_(measured.logical_not());
  const auto quiet = silent.sum().item<int64_t>();
  if (quiet > 0)
    std::printf("  %lld with a group silent  %17.1f %%\n", static_cast<long long>(quiet),
                100 * both.hits.masked_select(silent).mean().item<double>());

  const std::vector<AlarmTrial> alarms = try_alarms(joint, *windows, records, pairs, train, valid, test);
  std::vector<int64_t> failed;  // the machine of each failure
  for (const AlarmEpisode& failure : failures_of(records, test)) failed.push_back(failure.track);
  const Tensor machine_of = torch::tensor(failed, torch::kLong);
  std::printf("Alarms before %zu failures, thresholds for 1 %% false alarms chosen on other machines%s\n", failed.size(),
              alarms.empty() ? ": the log names too few failures" : "");
  for (const AlarmTrial& trial : alarms) {
    std::printf(" %s: false alarms %.2f %%\n", trial.name.c_str(), 100 * trial.scores.false_alarms);
    print("caught", clustered_mean(trial.scores.caught, machine_of));
    print("mean lead, 0 where missed", clustered_mean(trial.scores.lead_s / 3600, machine_of), 1, "h");
    print("mean lead at exactly 1 % here", clustered_mean(trial.exact.lead_s / 3600, machine_of), 1, "h");
  }
  if (arguments.has("--report")) {
    const AlarmTrial* shown = alarms.empty() ? nullptr : &alarms[0];
    const MachineReport report{
        .note = note, .scores = scores, .alarms = alarms, .stretches = first_stretches(*windows, test, shown, {.begin_s = 4 * 86400})};
    write_file(arguments.value("--report"), machine_report(*windows, records, found, evidence, report));
  }
  if (own) return 0;  // of your own data nothing is expected
  check<DataError>(!alarms.empty(), "expected failures of the machines to choose by and to report on");
  const Score lead = clustered_mean((alarms[0].scores.lead_s - alarms[1].scores.lead_s) / 3600, machine_of);
  print("gain over the nearest stamp", gain);
  print("lead over the best sensor", lead, 1, "h");
  bool expected = gain.low > 0 && both.r1.score.value > content.r1.score.value;
  if (full) expected = expected && gain.low > 0.15 && both.r1.score.low > nearest.r1.score.high && lead.low > 0.5;
  std::printf("%s: content and time find more entries than the nearest stamp does%s\n", expected ? "as expected" : "NOT what was expected",
              full ? ", and words warn before the best sensor does" : " (alarms: not judged)");
  return expected ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  using example::Place;
  return example::run(argc, argv,
                      "Entries of a log and episodes of machines, simulated: without --full 20 machines, seconds, and alarms are not judged.",
                      {example::full_flag("60 machines, about a minute"),
                       example::report_flag(),
                       {"--csv", "machines of your own in the place of simulated ones", {"SERIES.csv", "LOGS.csv"}, Place::none, {"--full"}},
                       {"--export", "writes simulated tables of that form, and no more", {"FOLDER"}, Place::folder, {"--full", "--csv", "--report"}}},
                      explain);
}
