// SPDX-License-Identifier: Apache-2.0
#include <alloy/fusion/early_transformer.hpp>

#include <torch/nn/init.h>
#include <torch/types.h>

namespace alloy {

void EarlyTransformerOptions::validate() const {
  check_modalities("EarlyTransformer", modalities, input_dims, dim);
  check<ConfigError>(layers > 0, "[EarlyTransformer] expected layers > 0, got {}", {layers});
  TransformerOptions{.dim = dim, .heads = heads, .layers = layers, .dropout_rate = dropout_rate}.validate();
}

EarlyTransformerImpl::EarlyTransformerImpl(EarlyTransformerOptions options)
    : options_(std::move(options)),
      dims_(check_modalities("EarlyTransformer", options_.modalities, options_.input_dims, options_.dim)),
      modality_({.modalities = static_cast<int64_t>(dims_.size()), .dim = options_.dim}),
      transformer_({.dim = options_.dim, .heads = options_.heads, .layers = options_.layers, .dropout_rate = options_.dropout_rate}),
      pool_({.pooling = options_.pooling, .dim = options_.dim, .heads = options_.heads}) {
  for (size_t m = 0; m < dims_.size(); ++m) {
    projections_.push_back(Linear({.in_dim = dims_[m], .out_dim = options_.dim}));
    register_module("projections_" + std::to_string(m), projections_.back());
  }
  register_module("modality", modality_);
  if (options_.pooling == Pooling::cls) {
    cls_ = register_parameter("cls", torch::empty({1, 1, options_.dim}));
    torch::nn::init::normal_(cls_, 0.0, 0.02);
  }
  register_module("transformer", transformer_);
  register_module("pool", pool_);
}

FusionOutput EarlyTransformerImpl::forward(const ModalityMap<Features>& features) {
  const auto inputs = collect_tokens("EarlyTransformer", features, options_.modalities, dims_);
  const int64_t batch = inputs.present.size(0);
  std::vector<Tensor> tokens, masks;
  if (cls_.defined()) {
    tokens.push_back(cls_.expand({batch, 1, options_.dim}));
    masks.push_back(at::ones({batch, 1}, inputs.present.options()));
  }
  for (size_t m = 0; m < dims_.size(); ++m) {
    tokens.push_back(modality_(projections_[m](inputs.values[m]), static_cast<int64_t>(m)));  // [B, T_m, D]
    masks.push_back(inputs.masks[m]);
  }
  const Tensor mask = at::cat(masks, 1);                         // [B, T]
  const Tensor x = transformer_(at::cat(tokens, 1), mask);       // [B, T, D]
  return {.fused = pool_(x, mask), .weights = {}, .penalty = {}};
}

}  // namespace alloy
