// SPDX-License-Identifier: Apache-2.0
#include "demo/run.hpp"

#include "console.hpp"

#include <alloy/core/jobs.hpp>
#include <alloy/core/json.hpp>
#include <alloy/core/threads.hpp>
#include <alloy/core/version.hpp>
#include <alloy/fusion/late.hpp>
#include <alloy/io/atomic_write.hpp>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fmt/format.h>
#include <map>
#include <mutex>

namespace alloy::demo {

namespace {

using Names = std::vector<std::string>;

/// All three first.
std::vector<Names> subsets() {
  return {kModalities, {"image"}, {"audio"}, {"text"}, {"image", "audio"}, {"image", "text"}, {"audio", "text"}};
}

ExperimentOptions sizes(const DemoOptions& o) {
  ExperimentOptions e;
  e.cache = o.out / "cache";
  if (o.quick) e.train_size = e.synergy_train_size = 1000, e.valid_size = 300, e.test_size = 500, e.epochs = 2;
  return e;
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d", std::gmtime(&now));
  return text;
}

class Demo {
 public:
  explicit Demo(const DemoOptions& options) : options_(options), experiment_options_(sizes(options)) {
    // Models trained a seed: three tasks, and on the redundant one each strategy again with dropout and on each pair.
    const auto n = static_cast<int64_t>(strategies().size());
    total_ = options.seeds * (3 * (3 + n) + 4 * n);
    results_.version = version();
    results_.date = today();
    results_.modalities = kModalities;
    results_.options = alloy::to_config(experiment_options_);
    results_.options.set("noise", alloy::to_config(CatalogueNoise{}));
    results_.options.set("seed", options.seed);
    results_.options.set("seeds", options.seeds);
    results_.options.set("quick", options.quick);
  }

  void run() {
    printer_.line("alloy demo: photos of Fashion-MNIST, names spoken by espeak-ng, typed tags; paired by class, so the pairing is synthetic");
    CatalogueOptions data;
    data.cache = experiment_options_.cache;
    tool::OutputFolder out(experiment_options_.cache, "--out");
    const auto source = load_catalogue_source(data, [&](const Progress& p) { printer_.update(p); }, tool::signal_token());
    for (int64_t seed = options_.seed; seed < options_.seed + options_.seeds; ++seed)
      for (const CatalogueTask task : {CatalogueTask::redundant, CatalogueTask::unique, CatalogueTask::synergy}) run_task(task, seed, source);
    results_.expectations = check_expectations(results_);
    write_file(options_.out / "results.json", to_json(to_config(results_)) + "\n");
    write_file(options_.out / "report.html", to_html(results_));
    printer_.line(fmt::format("finished in {}", tool::duration_text(elapsed())));
    fmt::print("{}", tables_text(results_));
    fmt::print("\nreport   {}\nfigures  {}\nmodel    {}\n", (options_.out / "report.html").string(), (options_.out / "results.json").string(), (options_.out / "model").string());
  }

 private:
  double elapsed() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count(); }

  /// Models finished and the shares of those in training, out of all of the run.
  void progress(const Job& job, const Progress& p) {
    const std::scoped_lock lock(mutex_);
    shares_[job.name] = static_cast<double>(p.done) / static_cast<double>(std::max<int64_t>(p.total, 1));
    double done = static_cast<double>(done_);
    for (const auto& [name, share] : shares_) done += share;
    const double share = done / static_cast<double>(total_);
    Progress shown = p;
    shown.stage = job.name;
    printer_.update(shown, share, share > 0 ? elapsed() * (1 - share) / share : -1);
  }

  void finished(const Job& job) {
    const std::scoped_lock lock(mutex_);
    shares_.erase(job.name);
    ++done_;
    const EpochRecord& best = best_epoch(job);
    printer_.line(fmt::format("  {:<44} valid {:5.1f} %  loss {:.3f}  {}", job.name, 100 * best.valid_score, best.valid_loss, tool::duration_text(job.history.seconds)));
  }

  static const EpochRecord& best_epoch(const Job& job) { return job.history.epochs[static_cast<size_t>(job.history.best_epoch)]; }

  /// All models of a task: each modality alone, each strategy, and on the redundant task each strategy with
  /// ModalityDropout and on each pair.
  std::vector<Job> plan(const Experiment& e) const {
    std::vector<Job> jobs;
    const int64_t dim = experiment_options_.dim;
    const bool redundant = e.task_name() == "redundant";
    const auto add = [&](const std::string& what, const std::string& method, const std::string& stage, const Names& modalities, std::vector<Names> tested_on, const auto& fusion) -> Job& {
      jobs.push_back(e.plan(fmt::format("{} {}", e.task_name(), what), method, stage, modalities, fusion));
      jobs.back().tested_on = std::move(tested_on);
      return jobs.back();
    };
    for (const std::string& m : kModalities) add(m, m, "single", {m}, {{m}}, [&]() -> AnyFusion { return LateFusion({.modalities = {m}}); });
    for (const Strategy& s : strategies()) {
      const auto all = [&] { return s.make(kModalities, dim); };
      add(s.name, s.name, s.stage, kModalities, redundant ? subsets() : std::vector<Names>{kModalities}, all);
      if (!redundant) continue;
      add(s.name + " with dropout", s.name, s.stage, kModalities, subsets(), all).modality_dropout = true;
      for (const Names& pair : subsets())
        if (pair.size() == 2) add(fmt::format("{} on {} + {}", s.name, pair[0], pair[1]), s.name, s.stage, pair, {pair}, [&] { return s.make(pair, dim); });
    }
    return jobs;
  }

  void run_task(CatalogueTask task, int64_t seed, const std::shared_ptr<const CatalogueSource>& source) {
    printer_.line(fmt::format("{}, seed {}  ({} so far)", name_of(task), seed, tool::duration_text(elapsed())));
    const Experiment e(experiment_options_, task, seed, source, tool::signal_token());
    results_.labels[e.task_name()] = e.test_data().class_names();
    results_.truth[fmt::format("{}/{}", e.task_name(), seed)] = e.truth();
    std::vector<Job> jobs = plan(e);
    {
      const ThreadScope one_a_model(1);
      run_jobs(std::ssize(jobs), num_cores(), [&](int64_t i) {
        Job& job = jobs[static_cast<size_t>(i)];
        e.work(job, [&](const Progress& p) { progress(job, p); });
        finished(job);
      });
    }
    ModalityMap<FusionModel> singles;
    double single_seconds = 0;
    const Job *best = nullptr, *best_with_dropout = nullptr;
    for (const Job& job : jobs) {
      if (job.stage == "single") singles.insert(job.method, job.model), single_seconds += job.history.seconds;
      if (job.stage != "single" && job.model->modalities() == kModalities) {
        const Job*& place = job.modality_dropout ? best_with_dropout : best;
        if (place == nullptr || best_epoch(job).valid_score > best_epoch(*place).valid_score) place = &job;
      }
      results_.runs.insert(results_.runs.end(), job.runs.begin(), job.runs.end());
    }
    decide_late(e, singles, single_seconds);
    if (seed == options_.seed && task == CatalogueTask::redundant) {
      results_.samples = e.show(best->model, best->method, singles);
      save_model(options_.out / "model", e.to_save(best_with_dropout->model));
    }
  }

  /// The rules, on the models of single modalities.
  void decide_late(const Experiment& e, const ModalityMap<FusionModel>& singles, double single_seconds) {
    const auto& rules = late_rules();
    std::vector<FusionModel> models;  // they share the encoders
    for (const LateRule rule : rules) models.push_back(e.join(singles, rule));
    std::vector<std::vector<Run>> runs(rules.size());
    const ThreadScope one_a_model(1);
    run_jobs(std::ssize(rules), num_cores(), [&](int64_t i) {
      FusionModel late = models[static_cast<size_t>(i)];
      e.fit_rule(late);
      for (const Names& subset : e.task_name() == "redundant" ? subsets() : std::vector<Names>{kModalities}) {
        Run run = e.measure(late, fmt::format("late {}", name_of(rules[static_cast<size_t>(i)])), "late", subset);
        run.train_seconds = single_seconds;
        if (subset == kModalities) run.contributions = e.contributions(late);
        runs[static_cast<size_t>(i)].push_back(std::move(run));
      }
    });
    for (auto& of_rule : runs) results_.runs.insert(results_.runs.end(), of_rule.begin(), of_rule.end());
  }

  DemoOptions options_;
  ExperimentOptions experiment_options_;
  Results results_;
  tool::ProgressPrinter printer_;
  std::mutex mutex_;                      // of what follows and of the printer, while jobs run
  std::map<std::string, double> shares_;  // done of each model in training
  int64_t done_ = 0, total_ = 1;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace

void run_demo(const DemoOptions& options) { Demo(options).run(); }

}  // namespace alloy::demo
