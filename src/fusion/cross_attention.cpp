// SPDX-License-Identifier: Apache-2.0
#include <alloy/fusion/cross_attention.hpp>
#include <alloy/layers/pooling.hpp>

#include <ATen/Functions.h>

namespace alloy {

void CrossAttentionFusionOptions::validate() const {
  check_modalities("CrossAttentionFusion", modalities, input_dims, dim, /*at_least=*/2);
  check<ConfigError>(layers > 0, "[CrossAttentionFusion] expected layers > 0, got {}", {layers});
  TransformerOptions{.dim = dim, .heads = heads, .layers = layers, .dropout_rate = dropout_rate}.validate();
}

CrossAttentionFusionImpl::CrossAttentionFusionImpl(CrossAttentionFusionOptions options)
    : options_(std::move(options)),
      dims_(check_modalities("CrossAttentionFusion", options_.modalities, options_.input_dims, options_.dim, /*at_least=*/2)),
      missing_({.dims = std::vector<int64_t>(dims_.size(), options_.dim * (static_cast<int64_t>(dims_.size()) - 1))}),
      joint_({.in_dim = static_cast<int64_t>(dims_.size() * (dims_.size() - 1)) * options_.dim,
              .hidden_dim = 2 * options_.dim,
              .out_dim = options_.dim,
              .dropout_rate = options_.dropout_rate}) {
  const TransformerOptions block{.dim = options_.dim, .heads = options_.heads, .dropout_rate = options_.dropout_rate};
  for (size_t m = 0; m < dims_.size(); ++m) {
    projections_.push_back(Linear({.in_dim = dims_[m], .out_dim = options_.dim}));
    register_module("projections_" + std::to_string(m), projections_.back());
  }
  for (size_t target = 0; target < dims_.size(); ++target) {
    for (size_t source = 0; source < dims_.size(); ++source) {
      if (source == target) continue;
      auto& layers = pairs_.emplace_back();
      for (int64_t l = 0; l < options_.layers; ++l) {
        layers.emplace_back(block);
        register_module("pairs_" + std::to_string(target) + "_" + std::to_string(source) + "_" + std::to_string(l), layers.back());
      }
    }
  }
  register_module("missing", missing_);
  register_module("joint", joint_);
}

FusionOutput CrossAttentionFusionImpl::forward(const ModalityMap<Features>& features) {
  const auto inputs = collect_tokens("CrossAttentionFusion", features, options_.modalities, dims_);
  std::vector<Tensor> tokens;
  for (size_t m = 0; m < dims_.size(); ++m) tokens.push_back(projections_[m](inputs.values[m]));  // [B, T_m, D]
  PooledInputs pooled{.values = {}, .present = inputs.present};
  auto layers = pairs_.begin();
  for (size_t target = 0; target < dims_.size(); ++target) {
    std::vector<Tensor> views;
    for (size_t source = 0; source < dims_.size(); ++source) {
      if (source == target) continue;
      Tensor x = tokens[target];
      for (auto& block : *layers) x = block->attend(x, tokens[source], inputs.masks[source]);  // [B, T_target, D]
      views.push_back(masked_mean(x, inputs.masks[target]));                                   // [B, D]
      ++layers;
    }
    pooled.values.push_back(at::cat(views, 1));  // [B, (M - 1) D]
  }
  return {.fused = joint_(at::cat(missing_(pooled), 1)), .weights = {}, .penalty = {}};
}

}  // namespace alloy
