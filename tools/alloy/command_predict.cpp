// SPDX-License-Identifier: Apache-2.0
#include "commands.hpp"
#include "console.hpp"

#include <alloy/core/json.hpp>
#include <alloy/data/dataset.hpp>
#include <alloy/data/modality_reader.hpp>
#include <alloy/eval/predictions.hpp>
#include <alloy/models/model_folder.hpp>

#include <cmath>
#include <optional>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/types.h>

namespace alloy::tool {

namespace {

struct Given {
  std::filesystem::path model;
  std::vector<std::string> inputs;
  std::optional<std::string> image, audio, text;
  bool json = false;
};

const ModalityInfo& modality_named(const SavedModel& saved, const std::string& name) {
  std::vector<std::string> known;
  for (const ModalityInfo& info : saved.modalities) {
    if (info.name == name) return info;
    known.push_back(info.name);
  }
  throw UsageError(fmt::format("the model does not know a modality '{}', it knows: {}", name, fmt::join(known, ", ")));
}

/// --image F and its like: allowed where exactly one modality has that kind.
void add_by_kind(const SavedModel& saved, const std::string& kind, const std::optional<std::string>& value, std::vector<std::pair<std::string, std::string>>& inputs) {
  if (!value) return;
  std::vector<std::string> names;
  for (const ModalityInfo& info : saved.modalities)
    if (info.kind == kind || (kind == "text" && info.kind == "hashed_text")) names.push_back(info.name);
  if (names.size() != 1)
    throw UsageError(fmt::format("--{} needs a model with one modality of that kind, this one has {}; use --input NAME=VALUE", kind,
                                 names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
  inputs.emplace_back(names.front(), *value);
}

Config answer_as_config(const SavedModel& saved, const Tensor& probs, const Tensor& contributions, const Tensor& weights) {
  Config classes = Config::object(), parts = Config::object(), shares = Config::object();
  const Task task = saved.model->options().task;
  for (int64_t k = 0; k < probs.numel(); ++k)
    classes.set(saved.labels.empty() ? std::to_string(k) : saved.labels[static_cast<size_t>(k)], probs[k].item<double>());
  const auto& names = saved.model->modalities();
  for (size_t m = 0; m < names.size(); ++m) {
    parts.set(names[m], contributions[static_cast<int64_t>(m)].item<double>());
    if (weights.defined()) shares.set(names[m], weights[static_cast<int64_t>(m)].item<double>());
  }
  Config result = Config::object();
  result.set(task == Task::regression ? "values" : "probabilities", classes);
  if (task == Task::classification)
    result.set("answer", saved.labels.empty() ? Config(probs.argmax().item<int64_t>()) : Config(saved.labels[static_cast<size_t>(probs.argmax().item<int64_t>())]));
  result.set("leave_one_out", parts);
  if (weights.defined()) result.set("weights", shares);
  return result;
}

void print_answer(const SavedModel& saved, const Config& answer) {
  const bool regression = saved.model->options().task == Task::regression;
  auto classes = answer.at(regression ? "values" : "probabilities").as_object();
  if (!regression) std::ranges::stable_sort(classes, [](const auto& a, const auto& b) { return a.second.as_double() > b.second.as_double(); });
  Table table({regression ? "output" : "class", regression ? "value" : "probability"});
  for (const auto& [name, value] : classes) table.add({name, regression ? fmt::format("{:.4f}", value.as_double()) : fmt::format("{:.1f} %", 100 * value.as_double())});
  fmt::print("{}", table.text());
  const bool weighted = answer.find("weights") != nullptr;
  Table parts(weighted ? std::vector<std::string>{"modality", "leave-one-out", "weight"} : std::vector<std::string>{"modality", "leave-one-out"});
  for (const auto& [name, value] : answer.at("leave_one_out").as_object()) {
    const bool known = value.is_number() && std::isfinite(value.as_double());
    std::vector<std::string> row = {name, known ? fmt::format("{:+.3f}", value.as_double()) : "-"};
    if (weighted) row.push_back(fmt::format("{:.1f} %", 100 * answer.at("weights").at(name).as_double()));
    parts.add(row);
  }
  fmt::print("\n{}\nleave-one-out: how much the {} falls without the modality; - = not given, or the only one\n", parts.text(),
             regression ? "answer moves, and not how it" : "log-probability of the answer");
}

void predict(const Given& given) {
  SavedModel saved = load_model(given.model);
  std::vector<std::pair<std::string, std::string>> inputs;
  for (const std::string& item : given.inputs) {
    const size_t equals = item.find('=');
    if (equals == std::string::npos || equals == 0) throw UsageError("--input expects NAME=VALUE, got '" + item + "'");
    inputs.emplace_back(item.substr(0, equals), item.substr(equals + 1));
  }
  add_by_kind(saved, "image", given.image, inputs);
  add_by_kind(saved, "audio", given.audio, inputs);
  add_by_kind(saved, "text", given.text, inputs);
  if (inputs.empty()) throw UsageError("predict needs at least one modality: --input NAME=VALUE, --image FILE, --audio FILE or --text STRING");
  Sample sample{.id = "input", .values = {}, .target = {}};
  for (const auto& [name, value] : inputs) {
    const ModalityInfo& info = modality_named(saved, name);
    if (sample.values.contains(name)) throw UsageError("modality '" + name + "' was given twice");
    if (value.empty()) throw UsageError("modality '" + name + "' is empty; leave it out if there is none");
    sample.values.insert(name, make_modality_reader(info.kind, info.preprocess, "/modalities/" + name)->read(value));
  }
  const Batch batch = collate(std::span(&sample, 1)).inputs;
  const ModelOutput out = saved.model->predict(batch);
  const Task task = saved.model->options().task;
  const Tensor probs = task == Task::classification ? out.logits.softmax(1) : task == Task::multilabel ? out.logits.sigmoid() : out.logits;
  const Config answer = answer_as_config(saved, probs[0], leave_one_out(saved.model, batch)[0], out.weights.defined() ? out.weights[0] : Tensor());
  if (given.json) fmt::print("{}\n", to_json(answer));
  else print_answer(saved, answer);
}

}  // namespace

void add_predict(CLI::App& app) {
  auto given = std::make_shared<Given>();
  CLI::App* command = app.add_subcommand("predict", "Use a saved model on files of your own; any of its modalities may be left out");
  command->add_option("--model", given->model, "model folder")->required();
  command->add_option("--input", given->inputs, "NAME=VALUE: a modality and its file or text; may be repeated")->allow_extra_args(false);
  command->add_option("--image", given->image, "image file, where one modality is an image");
  command->add_option("--audio", given->audio, "audio file, where one modality is audio");
  command->add_option("--text", given->text, "text, where one modality is text");
  command->add_flag("--json", given->json, "as JSON");
  command->callback([given] { predict(*given); });
}

}  // namespace alloy::tool
