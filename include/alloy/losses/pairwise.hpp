// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Contrast over N modalities, any of which may be missing from any sample: a pair of modalities learns from the samples that
/// have both.

#include <alloy/core/modality_map.hpp>
#include <alloy/losses/logit_scale.hpp>
#include <alloy/losses/pair_info.hpp>

#include <array>

namespace alloy {

enum class PairScheme {
  all,       ///< every pair of modalities
  anchored,  ///< each modality with one, the anchor (Girdhar et al. 2023, "ImageBind")
  centroid,  ///< each modality with the normalised mean of the others that the sample has
};
constexpr auto enum_names(PairScheme) {
  return std::to_array<std::pair<PairScheme, std::string_view>>({{PairScheme::all, "all"}, {PairScheme::anchored, "anchored"}, {PairScheme::centroid, "centroid"}});
}

enum class PairObjective { info_nce, sigmoid, decoupled };
constexpr auto enum_names(PairObjective) {
  return std::to_array<std::pair<PairObjective, std::string_view>>(
      {{PairObjective::info_nce, "info_nce"}, {PairObjective::sigmoid, "sigmoid"}, {PairObjective::decoupled, "decoupled"}});
}

/// How much the loss of a pair counts; pairs that are not named count 1.
struct PairWeightOptions {
  std::string first = {};
  std::string second = {};
  double weight = 1.0;
  static void describe(auto& self, auto&& field) {
    field("first", self.first, "a modality");
    field("second", self.second, "another; `centroid` with the scheme centroid");
    field("weight", self.weight, ">= 0; 0 = the pair is not compared");
  }
};

struct PairwiseLossOptions {
  std::vector<std::string> modalities = {};
  PairScheme scheme = PairScheme::all;
  std::string anchor = {};
  PairObjective objective = PairObjective::info_nce;
  LogitScaleOptions scale = {};
  bool scale_per_pair = false;
  double label_smoothing = 0.0;
  std::vector<PairWeightOptions> weights = {};
  static void describe(auto& self, auto&& field) {
    field("modalities", self.modalities, "names, at least two, no repeats");
    field("scheme", self.scheme, "which pairs are compared");
    field("anchor", self.anchor, "one of the modalities, for the scheme anchored");
    field("objective", self.objective, "loss of a pair");
    field("scale", self.scale, "of the similarities; sigmoid needs with_bias, and start 10, bias -10 as SigLIP");
    field("scale_per_pair", self.scale_per_pair, "a scale and bias for each pair, rather than one for all");
    field("label_smoothing", self.label_smoothing, "0..1, info_nce only");
    field("weights", self.weights, "of the pairs, in either order");
  }
  ALLOY_API void validate() const;
};

/// Embeddings of one modality: values [B, D], usually unit rows; present [B] bool, undefined = all.
struct Embedded {
  Tensor values;
  Tensor present = {};
};

struct PairwiseLossOutput {
  Tensor total;                ///< weighted mean over the pairs that had at least two samples; undefined if none had
  ModalityMap<Tensor> parts;   ///< by "image-text", or "image-centroid"
  ModalityMap<int64_t> counts; ///< samples that each part was computed on
};

/// Two sides that a scheme compares, of one B.
struct ComparedPair {
  std::string first, second;  ///< second may be "centroid"
  Embedded left, right;
  double weight = 1.0;        ///< of its loss, > 0
};

class ALLOY_API PairwiseLossImpl final : public torch::nn::Module {
 public:
  using Options = PairwiseLossOptions;
  static constexpr auto kName = "pairwise";
  explicit PairwiseLossImpl(PairwiseLossOptions options);
  /// @param embeddings  by modality, all of one B and D; a modality that the whole batch lacks may be left out
  /// @throws ConfigError for a modality that the options do not name; ShapeError, DataError as the objective
  PairwiseLossOutput forward(const ModalityMap<Embedded>& embeddings, const PairInfo& pairs = {});
  /// What forward compares, with absent rows still there, for losses that go about the rows in another way. @throws as forward
  std::vector<ComparedPair> compared(const ModalityMap<Embedded>& embeddings) const;
  /// The scale of a pair, in either order; the one for all without scale_per_pair.
  LogitScale scale(std::string_view first, std::string_view second) const;
  /// All scales, by pair (`image-text`) or one named `all`.
  const ModalityMap<LogitScale>& scales() const { return scales_; }
  /// LogitScale::clamp of all.
  void clamp();
  const PairwiseLossOptions& options() const { return options_; }

 private:
  Tensor part(const Tensor& a, const Tensor& b, const LogitScale& scale, const PairInfo& pairs) const;
  PairwiseLossOptions options_;
  ModalityMap<LogitScale> scales_;  // by pair, or one named "all"
  struct WeightedPair {
    std::string first, second;
    double weight = 1.0;
  };
  std::vector<WeightedPair> pairs_;  // without those of weight 0
};
using PairwiseLoss = Holder<PairwiseLossImpl>;

}  // namespace alloy
