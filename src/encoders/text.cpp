// SPDX-License-Identifier: Apache-2.0
#include <alloy/encoders/text.hpp>

#include <torch/nn/modules/embedding.h>
#include <torch/types.h>

namespace alloy {

void TextEncoderOptions::validate() const {
  check<ConfigError>(vocab_size > 0 && max_length > 0, "[TextEncoder] expected vocab_size and max_length > 0, got {} and {}", {vocab_size, max_length});
  check<ConfigError>(dim > 0 && heads > 0 && dim % heads == 0, "[TextEncoder] expected dim divisible by heads, got dim {} and heads {}", {dim, heads});
  TransformerOptions{.dim = dim, .heads = heads, .layers = layers, .dropout_rate = dropout_rate}.validate();
}

TextEncoderImpl::TextEncoderImpl(TextEncoderOptions options)
    : options_(options),
      embedding_(std::make_shared<torch::nn::EmbeddingImpl>(options.vocab_size, options.dim)),
      positions_({.max_length = options.max_length, .dim = options.dim}),
      transformer_({.dim = options.dim, .heads = options.heads, .layers = options.layers, .dropout_rate = options.dropout_rate}),
      pool_({.pooling = options.pooling, .dim = options.dim, .heads = options.heads}) {
  register_module("embedding", embedding_);
  register_module("positions", positions_);
  register_module("transformer", transformer_);
  register_module("pool", pool_);
}

Features TextEncoderImpl::forward(const ModalityInput& input) {
  const Tensor& ids = input.values;
  check_shape(ids, {-1, -1}, "TextEncoder", "token ids");
  check<ShapeError>(ids.scalar_type() == at::kLong && ids.size(1) > 0, "[TextEncoder] expected token ids [B, T] of dtype int64, T > 0, got {}", {ids});
  if (ids.is_cpu())
    check<DataError>(ids.min().item<int64_t>() >= 0 && ids.max().item<int64_t>() < options_.vocab_size,
                     "[TextEncoder] expected token ids in 0..{}, got {}..{}; use the tokenizer that the model was trained with",
                     {options_.vocab_size - 1, ids.min().item<int64_t>(), ids.max().item<int64_t>()});
  Tensor x = positions_(embedding_->forward(ids));  // [B, T, D]
  x = transformer_(x, input.mask);         // [B, T, D]
  return {.pooled = pool_(x, input.mask), .tokens = x, .mask = input.mask, .present = input.present, .times = input.times};
}

}  // namespace alloy
