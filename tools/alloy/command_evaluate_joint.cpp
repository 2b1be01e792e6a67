// SPDX-License-Identifier: Apache-2.0
#include "command_evaluate.hpp"
#include "console.hpp"

#include <alloy/core/json.hpp>
#include <alloy/data/manifest_dataset.hpp>
#include <alloy/eval/joint_scores.hpp>
#include <alloy/eval/zero_shot.hpp>
#include <alloy/io/file.hpp>
#include <alloy/models/joint_folder.hpp>

#include <fmt/format.h>
#include <map>
#include <sstream>

namespace alloy::tool {

namespace {

using Readers = ModalityMap<std::shared_ptr<const ModalityReader>>;

/// "image=filepath" ... : which column holds a modality.
std::map<std::string, std::string> columns_of(const std::vector<std::string>& given) {
  std::map<std::string, std::string> columns;
  for (const std::string& text : given) {
    const size_t place = text.find('=');
    if (place == std::string::npos || place == 0 || place + 1 == text.size()) throw UsageError(fmt::format("--column: expected MODALITY=COLUMN, got '{}'", text));
    columns[text.substr(0, place)] = text.substr(place + 1);
  }
  return columns;
}

Readers readers_for(const SavedJoint& saved, Manifest& manifest, const EvaluateGiven& given) {
  const auto renamed = columns_of(given.columns);
  for (const auto& [modality, column] : renamed) {
    if (!saved.model->has(modality)) throw UsageError(fmt::format("--column: the model has no modality '{}'", modality));
    manifest.columns[static_cast<size_t>(manifest.column(column))] = modality;
  }
  Readers readers;
  std::vector<std::string> known;
  for (const ModalityInfo& info : saved.modalities) {
    known.push_back(info.name);
    if (manifest.has_column(info.name)) readers.insert(info.name, make_modality_reader(info.kind, info.preprocess, "/modalities/" + info.name));
  }
  check<DataError>(readers.size() > 0, "[{}] expected a column for at least one of the model's modalities {}, got only: {} (--column MODALITY=COLUMN names it)", {given.data, known, manifest.columns});
  return readers;
}

/// int64 [N]: equal where the cells of a column are equal.
Tensor groups_of(const EmbeddedSet& set, const std::map<std::string, std::string>& values) {
  std::map<std::string, int64_t> numbers;
  std::vector<int64_t> groups;
  for (const std::string& id : set.ids) groups.push_back(numbers.try_emplace(values.at(id), static_cast<int64_t>(numbers.size())).first->second);
  return torch::tensor(groups, torch::kLong);
}

std::string with_interval(const Score& score) { return fmt::format("{:.3f} [{:.3f}, {:.3f}]", score.value, score.low, score.high); }

Config to_json_score(const RetrievalScore& s) {
  return Config::object({{"value", Config(s.score.value)}, {"low", Config(s.score.low)}, {"high", Config(s.score.high)}, {"chance", Config(s.chance)}});
}

struct ZeroShotRow {
  std::string modality;
  ZeroShotScores scores;
};

std::vector<ZeroShotRow> zero_shot_rows(const SavedJoint& saved, const EmbeddedSet& set, const EvaluateGiven& given, const std::vector<std::string>& labels) {
  std::vector<ZeroShotRow> rows;
  if (!set.target.defined() || !saved.model->has(given.prompts)) return rows;
  for (const ModalityInfo& info : saved.modalities) {
    if (info.name != given.prompts) continue;
    const auto reader = make_modality_reader(info.kind, info.preprocess, "/modalities/" + info.name);
    PromptOptions options{.labels = labels};
    if (!given.templates.empty()) options.templates = read_prompt_file(given.templates);
    const ZeroShotClassifier classifier(saved.model, prompts_from_texts(saved.model, given.prompts, *reader, options, signal_token()));
    for (const auto& [name, embedded] : set.modalities)
      if (name != given.prompts && embedded.values.size(0) > 0) rows.push_back({name, zero_shot_scores(classifier, name, set)});
  }
  return rows;
}

void print_json(const EmbeddedSet& set, const std::vector<JointScores>& pairs, const std::vector<ZeroShotRow>& classes) {
  Config result = Config::object(), skipped = Config::object(), zero_shot = Config::object();
  result.set("samples", static_cast<int64_t>(set.ids.size()));
  Config::Array retrieval;
  for (const auto& [from, to, found] : pairs) {
    Config entry = Config::object({{"from", Config(from)}, {"to", Config(to)}, {"queries", Config(found.queries)}, {"items", Config(found.items)}});
    for (const RetrievalScore& s : found.scores) entry.set(s.name, to_json_score(s));
    retrieval.push_back(std::move(entry));
  }
  result.set("retrieval", Config(std::move(retrieval)));
  for (const auto& [name, s] : classes) zero_shot.set(name, Config::object({{"samples", Config(s.samples)}, {"labels", Config(s.labels)}, {"top1", to_json_score(s.top1)}, {"top5", to_json_score(s.top5)}}));
  result.set("zero_shot", zero_shot);
  for (const auto& [cause, count] : set.skipped) skipped.set(cause, count);
  result.set("skipped", skipped);
  fmt::print("{}\n", to_json(result));
}

void print_tables(const EmbeddedSet& set, const std::vector<JointScores>& pairs, const std::vector<ZeroShotRow>& classes) {
  if (!pairs.empty()) {
    Table table({"retrieval", "among", "R@1", "R@5", "R@10", "median rank", "MRR", "R@10 by chance"});
    for (const auto& [from, to, found] : pairs)
      table.add({from + " to " + to, count_text(found.items), with_interval(found.at("R@1").score), with_interval(found.at("R@5").score), with_interval(found.at("R@10").score),
                 fmt::format("{:.1f}", found.at("median_rank").score.value), with_interval(found.at("mrr").score), fmt::format("{:.4f}", found.at("R@10").chance)});
    fmt::print("{}\n", table.text());
  }
  if (!classes.empty()) {
    Table table({"zero-shot classes", "samples", "labels", "top 1", "by chance", "top 5", "by chance"});
    for (const auto& [name, s] : classes)
      table.add({name, count_text(s.samples), count_text(s.labels), with_interval(s.top1.score), fmt::format("{:.4f}", s.top1.chance), with_interval(s.top5.score), fmt::format("{:.4f}", s.top5.chance)});
    fmt::print("{}\n", table.text());
  }
  fmt::print("{} samples; 95 % intervals\n", count_text(static_cast<int64_t>(set.ids.size())));
  for (const auto& [cause, count] : set.skipped) fmt::print("skipped {}: {}\n", count, cause);
}

}  // namespace

void evaluate_joint(const EvaluateGiven& given) {
  const SavedJoint saved = load_joint_model(given.model);
  Manifest manifest = read_manifest(given.data);
  const Readers readers = readers_for(saved, manifest, given);
  ManifestDatasetOptions options{.split = given.split, .alternatives = given.alternatives, .choice = AlternativeChoice::first};
  std::vector<std::string> labels;
  if (manifest.has_column("label")) labels = options.labels = given.labels.empty() ? manifest_labels(manifest, Task::classification) : read_prompt_file(given.labels);
  std::map<std::string, std::string> groups;  // by id
  if (!given.group_by.empty()) {
    const int64_t column = manifest.column(given.group_by);
    for (int64_t row = 0; row < manifest.num_rows(); ++row) {
      const bool named = manifest.has_column("id") && !manifest.cell(row, "id").empty();
      groups[named ? manifest.cell(row, "id") : manifest.place(row)] = manifest.rows[static_cast<size_t>(row)][static_cast<size_t>(column)];
    }
  }
  Loader loader(std::make_shared<ManifestDataset>(manifest, readers, options), {.batch_size = given.batch_size, .shuffle = false, .workers = 1});
  ProgressPrinter printer;
  const EmbeddedSet set = embed_all(saved.model, loader, {.cancel = signal_token(), .progress = [&](const Progress& p) { printer.update(p); }});
  std::vector<JointScores> pairs;
  if (readers.size() > 1) pairs = joint_scores(set, {.groups = groups.empty() ? Tensor() : groups_of(set, groups), .retrieval = {.cancel = signal_token()}});
  const auto classes = labels.size() >= 2 ? zero_shot_rows(saved, set, given, labels) : std::vector<ZeroShotRow>();
  check<DataError>(!pairs.empty() || !classes.empty(), "[{}] expected columns of two modalities, or one and `label` with a modality '{}' for prompts; got only: {}", {given.data, given.prompts, manifest.columns});
  if (given.json) print_json(set, pairs, classes);
  else print_tables(set, pairs, classes);
}

}  // namespace alloy::tool
