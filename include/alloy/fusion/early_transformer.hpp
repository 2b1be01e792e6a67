// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Early fusion on tokens: the tokens of light encoders, each with a vector that names its modality, through one
/// transformer that sees them all from its first layer on. Needs data and time; strong when details must be compared.

#include <alloy/core/fusion.hpp>
#include <alloy/layers/pooling.hpp>
#include <alloy/layers/positions.hpp>
#include <alloy/layers/transformer.hpp>

namespace alloy {

struct EarlyTransformerOptions {
  std::vector<std::string> modalities = {};
  int64_t dim = 256;
  std::vector<int64_t> input_dims = {};
  int64_t heads = 4;
  int64_t layers = 2;
  Pooling pooling = Pooling::cls;
  double dropout_rate = 0.0;
  static void describe(auto& self, auto&& field) {
    field("modalities", self.modalities, "names, at least one, no repeats");
    field("dim", self.dim, "width of tokens and output, divisible by heads");
    field("input_dims", self.input_dims, "width of each modality's tokens; empty = dim for all");
    field("heads", self.heads, "number of attention heads, > 0");
    field("layers", self.layers, "number of transformer layers, > 0");
    field("pooling", self.pooling, "cls adds a learned token and reads it; mean, max and attention read all real tokens");
    field("dropout_rate", self.dropout_rate, "0..1, inside the transformer");
  }
  ALLOY_API void validate() const;
};

class ALLOY_API EarlyTransformerImpl final : public Fusion {
 public:
  using Options = EarlyTransformerOptions;
  static constexpr auto kName = "early_transformer";
  static constexpr FusionStage kStage = FusionStage::feature;
  explicit EarlyTransformerImpl(EarlyTransformerOptions options);
  /// @param features  tokens [B, T_m, E_m] (pooled counts as one token where there are none); lengths may differ;
  ///                  tokens of an absent modality are masked
  /// @return fused [B, dim]
  FusionOutput forward(const ModalityMap<Features>& features) override;
  const std::vector<std::string>& modalities() const override { return options_.modalities; }
  int64_t dim() const override { return options_.dim; }
  int64_t input_dim(size_t i) const override { return dims_[i]; }
  bool reads_tokens() const override { return true; }
  const EarlyTransformerOptions& options() const { return options_; }

 private:
  EarlyTransformerOptions options_;
  std::vector<int64_t> dims_;
  std::vector<Linear> projections_;
  ModalityEmbedding modality_;
  Tensor cls_;  // [1, 1, dim], with cls pooling
  Transformer transformer_;
  TokenPool pool_;
};
using EarlyTransformer = Holder<EarlyTransformerImpl>;

}  // namespace alloy
