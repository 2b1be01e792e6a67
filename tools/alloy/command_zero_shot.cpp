// SPDX-License-Identifier: Apache-2.0
#include "arguments.hpp"
#include "command_evaluate.hpp"
#include "console.hpp"

#include <alloy/core/json.hpp>
#include <alloy/data/dataset.hpp>
#include <alloy/eval/zero_shot.hpp>
#include <alloy/models/joint_folder.hpp>

#include <algorithm>
#include <fmt/format.h>

namespace alloy::tool {

namespace {

struct Given {
  std::filesystem::path model, labels, templates;
  std::vector<std::string> images, audio, texts;
  std::string prompts = "text";
  double scale = 0;
  int64_t top = 5;
  bool json = false;
};

const ModalityInfo& info_of(const SavedJoint& saved, const std::string& name) {
  std::vector<std::string> known;
  for (const ModalityInfo& info : saved.modalities) {
    if (info.name == name) return info;
    known.push_back(info.name);
  }
  fail<ConfigError>("[zero-shot] expected a modality among {}, got '{}'", {known, name});
}

/// The first modality of a kind, for inputs of that kind.
const ModalityInfo& of_kind(const SavedJoint& saved, const std::string& kind, const std::string& not_this) {
  for (const ModalityInfo& info : saved.modalities)
    if (info.name != not_this && info.kind.find(kind) != std::string::npos) return info;
  fail<ConfigError>("[zero-shot] expected a model with a modality of the kind {}, got none", {kind});
}

struct Answer {
  std::string input;
  std::vector<std::pair<std::string, double>> labels;  // best first, with probability
};

Answer classify(const ZeroShotClassifier& classifier, const ModalityInfo& info, const ModalityReader& reader, const std::string& input, int64_t top) {
  const Sample sample{.id = input, .values = {{info.name, reader.read(input)}}, .target = {}};
  const LabelledBatch batch = collate(std::span(&sample, 1));
  const ZeroShotOutput out = classifier.classify(info.name, batch.inputs.at(info.name));
  const auto [log_probs, order] = out.log_probs[0].sort(/*dim=*/0, /*descending=*/true);
  Answer answer{.input = input, .labels = {}};
  for (int64_t i = 0; i < std::min(top, log_probs.size(0)); ++i)
    answer.labels.emplace_back(classifier.labels()[static_cast<size_t>(order[i].item<int64_t>())], std::exp(log_probs[i].item<double>()));
  return answer;
}

void print(const std::vector<Answer>& answers, bool json) {
  if (json) {
    Config::Array list;
    for (const Answer& answer : answers) {
      Config::Array labels;
      for (const auto& [label, p] : answer.labels) labels.push_back(Config::object({{"label", Config(label)}, {"probability", Config(p)}}));
      list.push_back(Config::object({{"input", Config(answer.input)}, {"labels", Config(std::move(labels))}}));
    }
    fmt::print("{}\n", to_json(Config(std::move(list))));
    return;
  }
  Table table({"input", "label", "probability"});
  for (const Answer& answer : answers) {
    for (size_t i = 0; i < answer.labels.size(); ++i) table.add({i == 0 ? answer.input : "", answer.labels[i].first, fmt::format("{:.3f}", answer.labels[i].second)});
  }
  fmt::print("{}", table.text());
}

void zero_shot(const Given& g) {
  const int kinds = static_cast<int>(!g.images.empty()) + static_cast<int>(!g.audio.empty()) + static_cast<int>(!g.texts.empty());
  if (kinds != 1) throw UsageError("zero-shot: expected one of --images, --audio and --texts");
  const SavedJoint saved = load_joint_model(g.model);
  const ModalityInfo& prompts = info_of(saved, g.prompts);
  PromptOptions options{.labels = read_prompt_file(g.labels)};
  if (!g.templates.empty()) options.templates = read_prompt_file(g.templates);
  const ZeroShotClassifier classifier(saved.model, prompts_from_texts(saved.model, g.prompts, *make_modality_reader(prompts.kind, prompts.preprocess), options, signal_token()), {.scale = g.scale});
  const auto& inputs = !g.images.empty() ? g.images : !g.audio.empty() ? g.audio : g.texts;
  const ModalityInfo info = of_kind(saved, !g.images.empty() ? "image" : !g.audio.empty() ? "audio" : "text", g.texts.empty() ? g.prompts : "");
  const auto reader = make_modality_reader(info.kind, info.preprocess);
  std::vector<Answer> answers;
  for (const std::string& input : inputs) {
    signal_token().check("zero-shot");
    answers.push_back(classify(classifier, info, *reader, input, g.top));
  }
  print(answers, g.json);
}

}  // namespace

void add_zero_shot(CLI::App& app) {
  auto given = std::make_shared<Given>();
  CLI::App* command = app.add_subcommand("zero-shot", "Classes named by prompts, for files, by a joint embedding (docs/zero_shot.md)");
  command->add_option("--model", given->model, "model folder of `alloy train contrastive`")->required();
  command->add_option("--labels", given->labels, "text file, a label a line")->required();
  command->add_option("--templates", given->templates, "text file, a sentence with {} for the label a line; default: the label alone");
  command->add_option("--images", given->images, "image files");
  command->add_option("--audio", given->audio, "audio files");
  command->add_option("--texts", given->texts, "texts");
  command->add_option("--prompts", given->prompts, "modality of the prompts")->capture_default_str();
  command->add_option("--scale", given->scale, "inverse temperature; default: what the model learned");
  command->add_option("--top", given->top, "labels shown for each input")->capture_default_str()->transform(whole_number(1, 1000));
  command->add_flag("--json", given->json, "as JSON");
  command->callback([given] { zero_shot(*given); });
}

}  // namespace alloy::tool
