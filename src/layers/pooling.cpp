// SPDX-License-Identifier: Apache-2.0
#include <alloy/layers/pooling.hpp>

#include <torch/nn/init.h>
#include <torch/types.h>

#include <limits>

namespace alloy {

namespace {

void check_tokens(const Tensor& tokens, const Tensor& mask, std::string_view where) {
  check_shape(tokens, {-1, -1, -1}, where, "tokens");
  check<ShapeError>(tokens.size(1) > 0, "[{}] expected at least one token, got {}", {where, tokens});
  check_mask(mask, tokens.size(0), tokens.size(1), where);
}

}  // namespace

Tensor zero_padding(const Tensor& tokens, const Tensor& mask) {
  if (!mask.defined()) return tokens;
  return at::where(mask.unsqueeze(2), tokens, at::zeros({}, tokens.options()));
}

Tensor masked_mean(const Tensor& tokens, const Tensor& mask) {
  check_tokens(tokens, mask, "masked_mean");
  if (!mask.defined()) return tokens.mean(1);
  const Tensor count = mask.sum(1, /*keepdim=*/true).clamp_min(1).to(tokens.scalar_type());  // [B, 1]
  return zero_padding(tokens, mask).sum(1) / count;
}

Tensor masked_max(const Tensor& tokens, const Tensor& mask) {
  check_tokens(tokens, mask, "masked_max");
  if (!mask.defined()) return tokens.amax(1);
  const Tensor lowest = at::full({}, -std::numeric_limits<double>::infinity(), tokens.options());
  const Tensor top = at::where(mask.unsqueeze(2), tokens, lowest).amax(1);  // [B, D]
  return at::where(mask.any(1, /*keepdim=*/true), top, at::zeros({}, tokens.options()));
}

void AttentionPoolOptions::validate() const {
  check<ConfigError>(dim > 0 && heads > 0 && dim % heads == 0,
                     "[AttentionPool] expected dim > 0 divisible by heads > 0, got dim {} and heads {}", {dim, heads});
}

AttentionPoolImpl::AttentionPoolImpl(AttentionPoolOptions options)
    : options_(options), attention_({.dim = options.dim, .heads = options.heads}) {
  query_ = register_parameter("query", torch::empty({1, 1, options_.dim}));
  torch::nn::init::normal_(query_, 0.0, 0.02);
  register_module("attention", attention_);
}

Tensor AttentionPoolImpl::forward(const Tensor& tokens, const Tensor& mask) {
  check_tokens(tokens, mask, "AttentionPool");
  return attention_(query_.expand({tokens.size(0), 1, options_.dim}), tokens, mask).squeeze(1);
}

void TokenPoolOptions::validate() const {
  check<ConfigError>(dim > 0, "[TokenPool] expected dim > 0, got {}", {dim});
  if (pooling == Pooling::attention) AttentionPoolOptions{.dim = dim, .heads = heads}.validate();
}

TokenPoolImpl::TokenPoolImpl(TokenPoolOptions options) : options_(options) {
  if (options_.pooling != Pooling::attention) return;
  attention_ = AttentionPool({.dim = options_.dim, .heads = options_.heads});
  register_module("attention", attention_);
}

Tensor TokenPoolImpl::forward(const Tensor& tokens, const Tensor& mask) {
  switch (options_.pooling) {
    case Pooling::max: return masked_max(tokens, mask);
    case Pooling::cls: return check_tokens(tokens, mask, "TokenPool"), zero_padding(tokens, mask).select(1, 0);
    case Pooling::attention: return attention_(tokens, mask);
    case Pooling::mean: break;
  }
  return masked_mean(tokens, mask);
}

}  // namespace alloy
