// SPDX-License-Identifier: Apache-2.0
#include <alloy/layers/attention.hpp>

#include <alloy/layers/mlp.hpp>
#include <alloy/layers/pooling.hpp>

#include <ATen/Functions.h>

namespace alloy {

void AttentionOptions::validate() const {
  check<ConfigError>(dim > 0 && heads > 0 && dim % heads == 0,
                     "[Attention] expected dim > 0 divisible by heads > 0, got dim {} and heads {}", {dim, heads});
  check<ConfigError>(context_dim >= 0, "[Attention] expected context_dim >= 0, got {}", {context_dim});
  check_dropout_rate("Attention", dropout_rate);
}

AttentionImpl::AttentionImpl(AttentionOptions options)
    : options_(options),
      query_({.in_dim = options.dim, .out_dim = options.dim}),
      key_({.in_dim = options.context_dim > 0 ? options.context_dim : options.dim, .out_dim = options.dim}),
      value_({.in_dim = key_->options().in_dim, .out_dim = options.dim}),
      output_({.in_dim = options.dim, .out_dim = options.dim}) {
  register_module("query", query_);
  register_module("key", key_);
  register_module("value", value_);
  register_module("output", output_);
}

Tensor AttentionImpl::forward(const Tensor& queries, const Tensor& context, const Tensor& mask) {
  check_shape(queries, {-1, -1, options_.dim}, "Attention", "queries");
  check_shape(context, {queries.size(0), -1, key_->options().in_dim}, "Attention", "context");
  check_mask(mask, context.size(0), context.size(1), "Attention");
  const auto split = [this](const Tensor& x) {  // [B, T, D] to [B, H, T, D / H]
    return x.view({x.size(0), x.size(1), options_.heads, options_.dim / options_.heads}).transpose(1, 2);
  };
  const Tensor clean = zero_padding(context, mask);
  Tensor any;
  std::optional<Tensor> allowed;
  if (mask.defined()) {
    // A row with nothing to attend to would be 0/0: it attends to its zeroed padding and is cleared below.
    any = mask.any(/*dim=*/1, /*keepdim=*/true);  // [B, 1]
    allowed = mask.logical_or(any.logical_not()).view({-1, 1, 1, context.size(1)}).expand({-1, 1, queries.size(1), -1});
  }
  Tensor x = at::scaled_dot_product_attention(split(query_(queries)), split(key_(clean)), split(value_(clean)), allowed,
                                              is_training() ? options_.dropout_rate : 0.0);  // [B, H, T, D / H]
  x = output_(x.transpose(1, 2).reshape(queries.sizes()));                                     // [B, T, D]
  return any.defined() ? at::where(any.unsqueeze(2), x, at::zeros({}, x.options())) : x;
}

}  // namespace alloy
