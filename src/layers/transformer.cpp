// SPDX-License-Identifier: Apache-2.0
#include <alloy/layers/transformer.hpp>

#include <alloy/layers/recompute.hpp>

#include <torch/nn/modules/normalization.h>
#include <torch/types.h>

namespace alloy {

void TransformerOptions::validate() const {
  check<ConfigError>(dim > 0 && heads > 0 && dim % heads == 0,
                     "[Transformer] expected dim > 0 divisible by heads > 0, got dim {} and heads {}", {dim, heads});
  check<ConfigError>(layers >= 0 && mlp_ratio > 0, "[Transformer] expected layers >= 0 and mlp_ratio > 0, got {} and {}", {layers, mlp_ratio});
  check_dropout_rate("Transformer", dropout_rate);
}

TransformerBlockImpl::TransformerBlockImpl(TransformerOptions options)
    : options_(options),
      norm1_(std::make_shared<torch::nn::LayerNormImpl>(torch::nn::LayerNormOptions({options.dim}))),
      norm2_(std::make_shared<torch::nn::LayerNormImpl>(torch::nn::LayerNormOptions({options.dim}))),
      attention_({.dim = options.dim, .heads = options.heads, .dropout_rate = options.dropout_rate}),
      mlp_({.in_dim = options.dim,
            .hidden_dim = static_cast<int64_t>(static_cast<double>(options.dim) * options.mlp_ratio),
            .dropout_rate = options.dropout_rate}) {
  register_module("norm1", norm1_);
  register_module("norm2", norm2_);
  register_module("attention", attention_);
  register_module("mlp", mlp_);
}

Tensor TransformerBlockImpl::finish(const Tensor& x, const Tensor& attended) {
  const Tensor sum = x + at::dropout(attended, options_.dropout_rate, is_training());
  return sum + at::dropout(mlp_(norm2_->forward(sum)), options_.dropout_rate, is_training());
}

Tensor TransformerBlockImpl::forward(const Tensor& x, const Tensor& mask) {
  const Tensor normed = norm1_->forward(x);
  return finish(x, attention_(normed, normed, mask));
}

Tensor TransformerBlockImpl::attend(const Tensor& x, const Tensor& context, const Tensor& context_mask) {
  return finish(x, attention_(norm1_->forward(x), norm1_->forward(context), context_mask));
}

TransformerImpl::TransformerImpl(TransformerOptions options)
    : options_(options), norm_(std::make_shared<torch::nn::LayerNormImpl>(torch::nn::LayerNormOptions({options.dim}))) {
  for (int64_t i = 0; i < options_.layers; ++i) {
    blocks_.emplace_back(options_);
    register_module("blocks_" + std::to_string(i), blocks_.back());
  }
  register_module("norm", norm_);
}

Tensor TransformerImpl::forward(const Tensor& x, const Tensor& mask) {
  Tensor y = x;
  for (auto& block : blocks_)  // [B, T, D]
    y = recompute_ && is_training() ? recomputed([block, mask](const Tensor& z) mutable { return block(z, mask); }, y) : block(y, mask);
  return norm_->forward(y);
}

}  // namespace alloy
