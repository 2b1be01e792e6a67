// SPDX-License-Identifier: Apache-2.0
#include "arguments.hpp"
#include "command_evaluate.hpp"
#include "console.hpp"

#include <alloy/core/json.hpp>
#include <alloy/data/manifest_dataset.hpp>
#include <alloy/eval/metrics.hpp>
#include <alloy/eval/predictions.hpp>
#include <alloy/models/joint_folder.hpp>
#include <alloy/models/model_folder.hpp>

#include <fmt/format.h>

namespace alloy::tool {

namespace {

void evaluate_fusion(const EvaluateGiven& given) {
  SavedModel saved = load_model(given.model);
  const Manifest manifest = read_manifest(given.data);
  ModalityMap<std::shared_ptr<const ModalityReader>> readers;
  for (const ModalityInfo& info : saved.modalities)
    if (manifest.has_column(info.name)) readers.insert(info.name, make_modality_reader(info.kind, info.preprocess, "/modalities/" + info.name));
  if (readers.empty()) {
    std::vector<std::string> known;
    for (const ModalityInfo& info : saved.modalities) known.push_back(info.name);
    fail<DataError>("[{}] expected a column for at least one of the model's modalities {}, got only: {}", {given.data, known, manifest.columns});
  }
  manifest.column("label");
  const Task task = saved.model->options().task;
  const auto data = std::make_shared<ManifestDataset>(manifest, readers, ManifestDatasetOptions{.task = task, .labels = saved.labels, .split = given.split});
  Loader loader(data, {.batch_size = given.batch_size, .shuffle = false, .workers = 1});
  ProgressPrinter printer;
  const Predictions all = predict_all(saved.model, loader, {.cancel = signal_token(), .progress = [&](const Progress& p) { printer.update(p); }});
  const Scores scores = score_predictions(all.logits, all.target, task);
  if (given.json) {
    Config result = Config::object(), values = Config::object(), skipped = Config::object();
    result.set("samples", static_cast<int64_t>(all.ids.size()));
    for (const auto& [name, score] : scores) {
      Config entry = Config::object();
      entry.set("value", score.value);
      entry.set("low", score.low);
      entry.set("high", score.high);
      values.set(name, entry);
    }
    for (const auto& [cause, count] : all.skipped) skipped.set(cause, count);
    result.set("scores", values);
    result.set("skipped", skipped);
    fmt::print("{}\n", to_json(result));
    return;
  }
  Table table({"score", "value", "95 % interval"});
  for (const auto& [name, score] : scores) table.add({name, fmt::format("{:.4f}", score.value), fmt::format("{:.4f} .. {:.4f}", score.low, score.high)});
  fmt::print("{}\n{} samples\n", table.text(), count_text(static_cast<int64_t>(all.ids.size())));
  for (const auto& [cause, count] : all.skipped) fmt::print("skipped {}: {}\n", count, cause);
}

}  // namespace

void add_evaluate(CLI::App& app) {
  auto given = std::make_shared<EvaluateGiven>();
  CLI::App* command = app.add_subcommand("evaluate", "Score a saved model on a manifest (CSV, TSV or JSONL): a fusion against its labels, a joint embedding by retrieval and zero-shot classes");
  command->add_option("--model", given->model, "model folder")->required();
  command->add_option("--data", given->data, "manifest")->required();
  command->add_option("--split", given->split, "only rows of this split");
  command->add_option("--batch-size", given->batch_size, "samples a batch")->transform(whole_number(1, 1 << 20));
  command->add_flag("--json", given->json, "as JSON");
  CLI::Option_group* joint = command->add_option_group("joint embeddings");
  joint->add_option("--column", given->columns, "MODALITY=COLUMN, where a column has another name");
  joint->add_option("--alternatives", given->alternatives, "character between the alternatives of a cell, of which the first counts");
  joint->add_option("--group-by", given->group_by, "column: samples of equal values are right answers for one another");
  joint->add_option("--labels", given->labels, "text file of class names; default: those of the label column");
  joint->add_option("--templates", given->templates, "text file of sentences with {} for the label");
  joint->add_option("--prompts", given->prompts, "modality of the prompts")->capture_default_str();
  command->callback([given] { model_type_of(given->model) == "alloy_joint" ? evaluate_joint(*given) : evaluate_fusion(*given); });
}

}  // namespace alloy::tool
