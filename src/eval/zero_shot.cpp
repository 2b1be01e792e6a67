// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/zero_shot.hpp>

#include "alignment/detail/unit_rows.hpp"

#include <ATen/Functions.h>
#include <torch/utils.h>

#include <cmath>

namespace alloy {

namespace {

/// Classes of the samples `rows`, each checked. [n]
Tensor targets_of(const EmbeddedSet& set, const Tensor& rows, int64_t labels) {
  check<DataError>(set.target.defined(), "[zero_shot_scores] expected samples with targets, got none");
  check_shape(set.target, {static_cast<int64_t>(set.ids.size())}, "zero_shot_scores", "target");
  check<ShapeError>(set.target.scalar_type() == at::kLong, "[zero_shot_scores] expected int64 classes, got {}", {set.target});
  Tensor targets = set.target.index_select(0, rows);
  const Tensor bad = (targets < 0).logical_or(targets >= labels);
  if (bad.any().item<bool>()) {
    const int64_t row = bad.to(at::kInt).argmax().item<int64_t>();
    fail<DataError>("[zero_shot_scores] expected classes 0..{}, as there are labels, got {} for sample '{}'",
                    {labels - 1, targets[row].item<int64_t>(), set.ids[static_cast<size_t>(rows[row].item<int64_t>())]});
  }
  return targets;
}

RetrievalScore renamed(RetrievalScore score, std::string name) {
  score.name = std::move(name);
  return score;
}

}  // namespace

void ZeroShotOptions::validate() const {
  check<ConfigError>(scale >= 0 && std::isfinite(scale), "[ZeroShotClassifier] expected a finite scale >= 0, got {}", {scale});
}

ZeroShotClassifier::ZeroShotClassifier(JointEmbedding model, ClassPrompts prompts, ZeroShotOptions options)
    : model_(std::move(model)), prompts_(std::move(prompts)), options_(options) {
  options_.validate();
  prompts_.check();
  check_shape(prompts_.embeddings, {-1, model_->options().dim}, "ZeroShotClassifier", "embeddings of the labels, in the model's space,");
  const torch::NoGradGuard no_grad;
  prompts_.embeddings = detail::unit_rows(prompts_.embeddings, "ZeroShotClassifier", [](int64_t) { return std::string(); }).to(at::kFloat);
  if (options_.scale == 0) objective_ = model_->objective();  // here, since making it changes the model
}

double ZeroShotClassifier::scale(const std::string& modality) const {
  if (options_.scale > 0) return options_.scale;
  try {
    return objective_->scale(prompts_.modality, modality)->forward().item<double>();
  } catch (const ConfigError&) {
    fail<ConfigError>("[ZeroShotClassifier] expected a learned scale of '{}' with '{}', got a model that has none for this pair; set the option scale", {prompts_.modality, modality});
  }
}

ZeroShotOutput ZeroShotClassifier::classify(const std::string& modality, const ModalityInput& input) const {
  JointEmbedding model = model_;  // shared: a const holder gives a const model, which cannot change to evaluation mode
  return classify_embedded(modality, model->embed(modality, input));
}

ZeroShotOutput ZeroShotClassifier::classify_embedded(const std::string& modality, const Tensor& embeddings) const {
  check_shape(embeddings, {-1, prompts_.embeddings.size(1)}, "ZeroShotClassifier", "embeddings");
  check_floating(embeddings, "ZeroShotClassifier", "embeddings");
  const torch::NoGradGuard no_grad;
  const Tensor rows = detail::unit_rows(embeddings, "ZeroShotClassifier", [](int64_t row) { return "row " + std::to_string(row); }).to(at::kFloat);
  ZeroShotOutput out;
  out.similarities = at::mm(rows, prompts_.embeddings.to(rows.device()).t());  // [B, K]
  out.log_probs = (scale(modality) * out.similarities).log_softmax(1);
  out.best = out.similarities.argmax(1);
  const Tensor best = out.best.cpu();
  for (int64_t b = 0; b < best.size(0); ++b) out.labels.push_back(prompts_.labels[static_cast<size_t>(best[b].item<int64_t>())]);
  return out;
}

ZeroShotScores zero_shot_scores(const ZeroShotClassifier& classifier, const std::string& modality, const EmbeddedSet& set, const BootstrapOptions& bootstrap) {
  const auto labels = static_cast<int64_t>(classifier.labels().size());
  const EmbeddedRows& rows = set.modalities.at(modality);
  check<DataError>(rows.samples.size(0) > 0, "[zero_shot_scores] expected samples that have '{}', got none", {modality});
  const Tensor targets = targets_of(set, rows.samples, labels);
  const RetrievalScores found = retrieval_scores(
      rows.values, classifier.prompts().embeddings.to(rows.values.device()),
      {.query_ids = targets, .item_ids = at::arange(labels, at::kLong), .ks = {1, 5}, .bootstrap = bootstrap, .cancel = {}, .progress = {}});
  return {.samples = found.queries, .labels = labels, .top1 = renamed(found.at("R@1"), "top1"), .top5 = renamed(found.at("R@5"), "top5")};
}

}  // namespace alloy
