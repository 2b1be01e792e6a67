// SPDX-License-Identifier: Apache-2.0
#include "emoji/run.hpp"

#include <alloy/core/json.hpp>
#include <alloy/core/random.hpp>
#include <alloy/io/atomic_write.hpp>
#include <alloy/io/file.hpp>

#include <fmt/format.h>

#include <sstream>

namespace alloy::tool::emoji {

namespace {

namespace fs = std::filesystem;
constexpr double kNoisySpeechDb = -5.0;
constexpr int64_t kQuickEpochs = 6;

constexpr auto kStyle = "name to picture, unseen style";
constexpr auto kPerturbed = "name to perturbed picture, unseen style";
constexpr auto kUnseen = "name to picture, unseen emoji";
constexpr auto kToName = "speech to name, unseen voices";
constexpr auto kToPicture = "speech to picture, unseen voices";
constexpr auto kFusion = "noisy speech and two keywords to picture";
constexpr auto kModel = "alloy", kPixels = "16-px pixels", kPermuted = "permuted pairs";

ContrastiveJobOptions job_from(const fs::path& config, const fs::path& data, int64_t seed, int64_t epochs) {
  ContrastiveJobOptions o = from_unfinished_config<ContrastiveJobOptions>(parse_json(read_text_file(config, 1u << 20), config.string()));
  o.data = fs::absolute(data).string();
  o.training.seed = seed;
  if (epochs > 0) o.training.epochs = epochs;
  return o;
}

ContrastiveJobResult train(const ContrastiveJobOptions& options, const std::string& what, ProgressPrinter& printer, const CancelToken& cancel) {
  const auto show = [&](const Progress& p) {
    Progress named = p;
    named.stage = what;
    printer.update(named);
  };
  ContrastiveJobResult result = run_contrastive_job(options, {}, {.progress = show, .cancel = cancel});
  printer.line(fmt::format("{}: {} samples, {} epochs, {} parameters, loss {:.3f}, {}", what, count_text(result.train_samples), result.history.epochs.size(), count_text(result.saved.model->num_parameters()),
                           result.history.epochs.back().train_loss, duration_text(result.history.seconds)));
  return result;
}

/// Each of the paths in a cell, which are separated by '|', from the root.
std::string absolute_paths(const std::string& cell, const fs::path& folder) {
  std::string paths;
  std::istringstream stream(cell);
  for (std::string path; std::getline(stream, path, '|');) paths += (paths.empty() ? "" : "|") + fs::absolute(folder / path).string();
  return paths;
}

/// train.csv with the pictures of other emoji: what a model makes of pairs that mean nothing.
fs::path permuted_manifest(const fs::path& data, const fs::path& out) {
  const Manifest manifest = read_manifest(data / "train.csv");
  const auto order = Random(11).permutation(manifest.num_rows());
  Manifest permuted = manifest;
  for (const char* column : {"image", "image_b", "audio"}) {
    const auto place = static_cast<size_t>(manifest.column(column));
    for (size_t row = 0; row < manifest.rows.size(); ++row) {
      const size_t from = std::string_view(column) == "audio" ? row : static_cast<size_t>(order[row]);
      permuted.rows[row][place] = absolute_paths(manifest.rows[from][place], data);
    }
  }
  write_file(out / "permuted.csv", to_csv(permuted));
  return out / "permuted.csv";
}

void add(std::vector<Figure>& figures, const std::string& question, const std::string& way, const RetrievalScores& scores) {
  for (const char* name : {"R@1", "R@10"}) {
    const RetrievalScore& s = scores.at(name);
    figures.push_back({question, way, name, s.score.value, s.score.low, s.score.high, s.chance});
  }
}

void measure_pictures(std::vector<Figure>& figures, const SavedJoint& model, const fs::path& data, const std::string& way) {
  for (const bool perturbed : {false, true}) {
    const Measured found = unseen_style(model, data, perturbed);
    add(figures, perturbed ? kPerturbed : kStyle, way, found[0].second);
    if (way == kModel) add(figures, perturbed ? kPerturbed : kStyle, kPixels, found[1].second);
  }
  add(figures, kUnseen, way, unseen_emoji(model, data));
  for (const bool new_words : {false, true}) {
    const KeywordScores k = held_out_keywords(model, data, new_words);
    const std::string question = new_words ? "held-out keyword, word not in training" : "held-out keyword, word known of other emoji";
    figures.push_back({question, way, "R@10", k.recall_10.value, k.recall_10.low, k.recall_10.high, k.chance_10});
  }
}

void measure_speech(std::vector<Figure>& figures, const SavedJoint& model, const fs::path& data) {
  const SpeechScores speech = held_out_voices(model, data);
  for (const auto& [voice, scores] : speech.to_name) add(figures, kToName, voice, scores);
  for (const auto& [voice, scores] : speech.to_picture) add(figures, kToPicture, voice, scores);
  for (const auto& [way, scores] : speech_and_keywords(model, data, kNoisySpeechDb)) add(figures, kFusion, way, scores);
}

SeedResult run_seed(const DemoOptions& o, int64_t seed, ProgressPrinter& printer, const CancelToken& cancel) {
  SeedResult result{.seed = seed};
  const fs::path out = o.out / fmt::format("seed-{}", seed);
  const fs::path data = o.data / "train.csv";
  const ContrastiveJobResult trained = train(job_from(o.config, data, seed, o.quick ? kQuickEpochs : 0), fmt::format("seed {}", seed), printer, cancel);
  result.train_seconds = trained.history.seconds;
  fs::create_directories(out);
  save_model(out / "model", trained.saved);
  measure_pictures(result.figures, trained.saved, o.data, kModel);
  measure_speech(result.figures, trained.saved, o.data);
  if (seed == 0 && o.permuted) {
    const auto permuted = train(job_from(o.config, permuted_manifest(o.data, o.out), seed, o.quick ? kQuickEpochs : 0), "seed 0: permuted pairs", printer, cancel);
    measure_pictures(result.figures, permuted.saved, o.data, kPermuted);
  }
  return result;
}

/// The mean over seeds, and over ways that are not named.
double mean_of(const DemoResult& r, const std::string& question, const std::string& way, const std::string& score, double Figure::*member = &Figure::value) {
  double sum = 0;
  int64_t count = 0;
  for (const SeedResult& seed : r.seeds)
    for (const Figure& f : seed.figures)
      if (f.question == question && f.score == score && (way.empty() || f.way == way)) sum += f.*member, ++count;
  return count > 0 ? sum / static_cast<double>(count) : 0;
}

std::vector<Expectation> expectations_of(const DemoResult& r, bool permuted) {
  const auto value = [&](const char* question, const char* way, const char* score) { return mean_of(r, question, way, score); };
  std::vector<Expectation> e{
      {"unseen style, R@1: 5 points above the pixels", value(kStyle, kModel, "R@1"), value(kStyle, kPixels, "R@1") + 0.05},
      {"unseen style, R@10: 15 points above the pixels", value(kStyle, kModel, "R@10"), value(kStyle, kPixels, "R@10") + 0.15},
      {"perturbed pictures, R@1: twice that of the pixels", value(kPerturbed, kModel, "R@1"), 2 * value(kPerturbed, kPixels, "R@1")},
      {"speech to name, mean R@1 of the unseen voices: 55 %", value(kToName, "", "R@1"), 0.55},
      {"speech and keywords, R@1: 8 points above the better", value(kFusion, "product", "R@1"), std::max(value(kFusion, "noisy speech", "R@1"), value(kFusion, "two keywords", "R@1")) + 0.08},
      {"unseen emoji, R@10: its interval begins above 3 times chance", mean_of(r, kUnseen, kModel, "R@10", &Figure::low), 3 * mean_of(r, kUnseen, kModel, "R@10", &Figure::chance)},
  };
  if (permuted) e.push_back({"unseen emoji, R@10: above the model of permuted pairs", value(kUnseen, kModel, "R@10"), value(kUnseen, kPermuted, "R@10")});
  return e;
}

}  // namespace

DemoResult run_demo(const DemoOptions& o, ProgressPrinter& printer, const CancelToken& cancel) {
  DemoResult result;
  for (int64_t seed = 0; seed < o.seeds; ++seed) result.seeds.push_back(run_seed(o, seed, printer, cancel));
  result.expectations = expectations_of(result, o.permuted);
  return result;
}

std::string demo_text(const DemoResult& r) {
  Table table({"question", "by", "score", r.seeds.size() > 1 ? "mean of seeds" : "value", "95 % interval, first seed", "chance"});
  std::string before;
  for (const Figure& f : r.seeds.front().figures) {
    if (f.question != before && !before.empty()) table.rule();
    table.add({f.question == before ? "" : f.question, f.way, f.score, fmt::format("{:.1f} %", 100 * mean_of(r, f.question, f.way, f.score)), fmt::format("{:.1f} .. {:.1f}", 100 * f.low, 100 * f.high),
               fmt::format("{:.2f} %", 100 * f.chance)});
    before = f.question;
  }
  Table floors({"expected", "measured", "at least", ""});
  for (const Expectation& e : r.expectations) floors.add({e.text, fmt::format("{:.1f} %", 100 * e.measured), fmt::format("{:.1f} %", 100 * e.floor), e.met() ? "met" : "MISSED"});
  return table.text() + "\n" + floors.text();
}

Config demo_json(const DemoResult& r) {
  Config::Array seeds, expectations;
  for (const SeedResult& s : r.seeds) {
    Config::Array figures;
    for (const Figure& f : s.figures)
      figures.push_back(Config::object({{"question", Config(f.question)}, {"by", Config(f.way)}, {"score", Config(f.score)}, {"value", Config(f.value)}, {"low", Config(f.low)}, {"high", Config(f.high)}, {"chance", Config(f.chance)}}));
    seeds.push_back(Config::object({{"seed", Config(s.seed)}, {"train_seconds", Config(s.train_seconds)}, {"figures", Config(std::move(figures))}}));
  }
  for (const Expectation& e : r.expectations) expectations.push_back(Config::object({{"expected", Config(e.text)}, {"measured", Config(e.measured)}, {"floor", Config(e.floor)}, {"met", Config(e.met())}}));
  return Config::object({{"seeds", Config(std::move(seeds))}, {"expectations", Config(std::move(expectations))}});
}

}  // namespace alloy::tool::emoji
