// SPDX-License-Identifier: Apache-2.0
#include "demo/run.hpp"

#include "console.hpp"

#include <alloy/core/json.hpp>
#include <alloy/core/version.hpp>
#include <alloy/fusion/late.hpp>
#include <alloy/io/atomic_write.hpp>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fmt/format.h>

namespace alloy::demo {

namespace {

using Names = std::vector<std::string>;

std::vector<Names> subsets() {
  return {{"image"}, {"audio"}, {"text"}, {"image", "audio"}, {"image", "text"}, {"audio", "text"}, kModalities};
}

std::vector<CurvePoint> curve_of(const TrainResult& history) {
  std::vector<CurvePoint> curve;
  for (const EpochRecord& e : history.epochs) curve.push_back({e.epoch, e.train_loss, e.valid_loss, e.valid_score});
  return curve;
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
    // Models trained a seed: three tasks, and on the redundant one each strategy again with dropout, some on each pair.
    const auto n = static_cast<int64_t>(strategies().size());
    const auto paired = std::ranges::count_if(strategies(), &Strategy::pairs);
    total_ = options.seeds * (3 * (3 + n) + n + 3 * paired);
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
    std::filesystem::create_directories(experiment_options_.cache);
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

  void progress(const std::string& what, const Progress& p) {
    const double share = (static_cast<double>(done_) + static_cast<double>(p.done) / static_cast<double>(std::max<int64_t>(p.total, 1))) / static_cast<double>(total_);
    Progress shown = p;
    shown.stage = what;
    printer_.update(shown, share, share > 0 ? elapsed() * (1 - share) / share : -1);
  }

  /// Trains, counts for the progress, and keeps what the training cost.
  Experiment::Trained train(Experiment& e, const AnyFusion& fusion, const Names& only, const std::string& what, bool dropout = false) {
    const std::string name = fmt::format("{} {}", e.task_name(), what);
    auto trained = e.train(fusion, only, name, dropout);
    ++done_;
    const auto& best = trained.history.epochs[static_cast<size_t>(trained.history.best_epoch)];
    printer_.line(fmt::format("  {:<44} valid {:5.1f} %  loss {:.3f}  {}", name, 100 * best.valid_score, best.valid_loss, tool::duration_text(trained.history.seconds)));
    return trained;
  }

  Run& keep(Run run, const TrainResult* history = nullptr) {
    if (history != nullptr) {
      run.train_seconds = history->seconds;
      run.curve = curve_of(*history);
    }
    return results_.runs.emplace_back(std::move(run));
  }

  void run_task(CatalogueTask task, int64_t seed, const std::shared_ptr<const CatalogueSource>& source) {
    printer_.line(fmt::format("{}, seed {}  ({} so far)", name_of(task), seed, tool::duration_text(elapsed())));
    Experiment e(experiment_options_, task, seed, source, tool::signal_token(), [&](const std::string& what, const Progress& p) { progress(what, p); });
    results_.labels[e.task_name()] = e.test_data().class_names();
    results_.truth[fmt::format("{}/{}", e.task_name(), seed)] = e.truth();
    ModalityMap<FusionModel> singles;
    double single_seconds = 0;
    for (const std::string& name : kModalities) {
      const auto trained = train(e, LateFusion({.modalities = {name}}), {name}, name);
      single_seconds += trained.history.seconds;
      keep(e.measure(trained.model, name, "single", {name}), &trained.history);
      singles.insert(name, trained.model);
    }
    const bool first = seed == options_.seed && task == CatalogueTask::redundant;
    FusionModel best = nullptr;
    std::string best_name;
    double best_score = -1;
    for (const Strategy& s : strategies()) {
      const auto plain = train(e, s.make(kModalities, experiment_options_.dim), kModalities, s.name);
      Run& run = keep(e.measure(plain.model, s.name, s.stage, kModalities), &plain.history);
      run.contributions = e.contributions(plain.model);
      const double score = plain.history.epochs[static_cast<size_t>(plain.history.best_epoch)].valid_score;
      if (score > best_score) best = plain.model, best_name = s.name, best_score = score;
      if (task == CatalogueTask::redundant) missing_modalities(e, s, plain.model);
    }
    FusionModel late = e.join(singles);
    for (const LateRule rule : late_rules()) {
      e.fit_rule(late, rule);
      const std::string method = fmt::format("late {}", name_of(rule));
      Run& run = keep(e.measure(late, method, "late", kModalities));
      run.train_seconds = single_seconds;
      run.contributions = e.contributions(late);
      if (task == CatalogueTask::redundant)
        for (const Names& subset : subsets())
          if (subset != kModalities) keep(e.measure(late, method, "late", subset)).train_seconds = single_seconds;
    }
    if (first) {
      results_.samples = e.show(best, best_name, singles);
      save_model(options_.out / "model", e.to_save(dropout_best_ ? dropout_best_ : best));
    }
  }

  /// Subsets at test time, with and without ModalityDropout, and some strategies trained on each pair alone.
  void missing_modalities(Experiment& e, const Strategy& s, FusionModel plain) {
    const auto dropped = train(e, s.make(kModalities, experiment_options_.dim), kModalities, s.name + " with dropout", /*dropout=*/true);
    for (const Names& subset : subsets()) {
      if (subset != kModalities) keep(e.measure(plain, s.name, s.stage, subset));
      keep(e.measure(dropped.model, s.name, s.stage, subset), subset == kModalities ? &dropped.history : nullptr).modality_dropout = true;
    }
    const double score = dropped.history.epochs[static_cast<size_t>(dropped.history.best_epoch)].valid_score;
    if (score > dropout_score_) dropout_best_ = dropped.model, dropout_score_ = score;
    for (const Names& pair : subsets()) {
      if (!s.pairs || pair.size() != 2) continue;
      const auto trained = train(e, s.make(pair, experiment_options_.dim), pair, fmt::format("{} on {} + {}", s.name, pair[0], pair[1]));
      keep(e.measure(trained.model, s.name, s.stage, pair), &trained.history);
    }
  }

  DemoOptions options_;
  ExperimentOptions experiment_options_;
  Results results_;
  tool::ProgressPrinter printer_;
  int64_t done_ = 0, total_ = 1;
  FusionModel dropout_best_ = nullptr;
  double dropout_score_ = -1;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace

void run_demo(const DemoOptions& options) { Demo(options).run(); }

}  // namespace alloy::demo
