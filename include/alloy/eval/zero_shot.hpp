// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Classes that no head was trained for: an input is of the class whose prompts lie nearest in the joint space (Radford et
/// al. 2021, "CLIP", section 3.1). Prompts and inputs may be of any modality.
///
///     const auto reader = make_modality_reader("text", {});
///     const ZeroShotClassifier classifier(joint, prompts_from_texts(joint, "text", *reader, {.labels = labels, .templates = {"a photo of a {}"}}));
///     const ZeroShotOutput out = classifier.classify("image", batch.at("image"));

#include <alloy/eval/embed_all.hpp>
#include <alloy/eval/prompts.hpp>
#include <alloy/eval/retrieval_metrics.hpp>

namespace alloy {

struct ZeroShotOptions {
  double scale = 0.0;
  static void describe(auto& self, auto&& field) {
    field("scale", self.scale, "inverse temperature of the softmax, >= 0; 0 = what the model learned for prompts and input");
  }
  ALLOY_API void validate() const;
};

/// In the order of the labels.
struct ZeroShotOutput {
  Tensor similarities;              ///< [B, K] cosines, -1..1
  Tensor log_probs;                 ///< [B, K]: log softmax(scale * cosine) over the labels given: they sum to 1 even if none fits
  Tensor best;                      ///< [B] int64
  std::vector<std::string> labels;  ///< [B], of `best`
};

/// Shares the model. Several threads may use one classifier while the model is in evaluation mode.
class ALLOY_API ZeroShotClassifier {
 public:
  /// @throws as ClassPrompts::check and ZeroShotOptions::validate; ShapeError if the prompts are not as wide as the space
  ZeroShotClassifier(JointEmbedding model, ClassPrompts prompts, ZeroShotOptions options = {});

  /// @throws as JointEmbedding::embed: a sample without the modality is a DataError; ConfigError as `scale`
  ZeroShotOutput classify(const std::string& modality, const ModalityInput& input) const;
  /// Inputs that are embedded already, [B, dim], finite and not zero; only directions count.
  ZeroShotOutput classify_embedded(const std::string& modality, const Tensor& embeddings) const;
  /// The inverse temperature for inputs of a modality.
  /// @throws ConfigError where the model has a scale for each pair and none for this one
  double scale(const std::string& modality) const;

  const std::vector<std::string>& labels() const { return prompts_.labels; }
  const ClassPrompts& prompts() const { return prompts_; }  ///< embeddings as unit rows
  const JointEmbedding& model() const { return model_; }

 private:
  JointEmbedding model_;
  ClassPrompts prompts_;
  ZeroShotOptions options_;
  PairwiseLoss objective_ = nullptr;  // of the model, where its scale is asked for
};

struct ZeroShotScores {
  int64_t samples = 0, labels = 0;
  RetrievalScore top1, top5;  ///< share of samples whose class is (among) the nearest; chance is 1 / K and min(5, K) / K
};

/// Accuracy on a labelled set, over the samples that have the modality. Classes of equal similarity count as retrieval_scores says.
/// @throws ConfigError if the set was not embedded for the modality; DataError if no sample has it, without targets, or for one
///         that is not 0..K-1, naming the sample
ALLOY_API ZeroShotScores zero_shot_scores(const ZeroShotClassifier& classifier, const std::string& modality, const EmbeddedSet& set,
                                          const BootstrapOptions& bootstrap = {});

}  // namespace alloy
