// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Cross-attention: the tokens of each modality attend to those of every other, unaligned and of any length (Tsai et al.
/// 2019, "Multimodal Transformer for Unaligned Multimodal Language Sequences", section 3.1), then all are pooled.

#include <alloy/fusion/missing.hpp>
#include <alloy/layers/transformer.hpp>

namespace alloy {

struct CrossAttentionFusionOptions {
  std::vector<std::string> modalities = {};
  int64_t dim = 256;
  std::vector<int64_t> input_dims = {};
  int64_t heads = 4;
  int64_t layers = 1;
  double dropout_rate = 0.0;
  static void describe(auto& self, auto&& field) {
    field("modalities", self.modalities, "names, at least two, no repeats");
    field("dim", self.dim, "width of tokens and output, divisible by heads");
    field("input_dims", self.input_dims, "width of each modality's tokens; empty = dim for all");
    field("heads", self.heads, "number of attention heads, > 0");
    field("layers", self.layers, "cross-attention layers for each ordered pair of modalities, > 0");
    field("dropout_rate", self.dropout_rate, "0..1, inside the layers");
  }
  ALLOY_API void validate() const;
};

class ALLOY_API CrossAttentionFusionImpl final : public Fusion {
 public:
  using Options = CrossAttentionFusionOptions;
  static constexpr auto kName = "cross_attention";
  explicit CrossAttentionFusionImpl(CrossAttentionFusionOptions options);
  /// @param features  tokens [B, T_m, E_m] (pooled counts as one token where there are none)
  /// @return fused [B, dim]. An absent source attends to nothing, the pooled vector of an absent target is a learned one.
  FusionOutput forward(const ModalityMap<Features>& features) override;
  const std::vector<std::string>& modalities() const override { return options_.modalities; }
  int64_t dim() const override { return options_.dim; }
  int64_t input_dim(size_t i) const override { return dims_[i]; }
  bool reads_tokens() const override { return true; }
  const CrossAttentionFusionOptions& options() const { return options_; }

 private:
  CrossAttentionFusionOptions options_;
  std::vector<int64_t> dims_;
  std::vector<Linear> projections_;
  std::vector<std::vector<TransformerBlock>> pairs_;  // [target * (M - 1) + source], `layers` blocks each
  MissingVectors missing_;
  Mlp joint_;
};
using CrossAttentionFusion = Holder<CrossAttentionFusionImpl>;

}  // namespace alloy
