// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/cross_modal_attention.hpp>

#include <alloy/layers/mlp.hpp>
#include <alloy/layers/pooling.hpp>

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <cmath>
#include <limits>

namespace alloy {

namespace {

constexpr std::string_view kWhere = "CrossModalAttention";

/// Tokens with zeros where they are no real ones, and which are: undefined = all.
Tokens clean_tokens(const Features& features, int64_t dim, std::string_view what) {
  Tokens out = tokens_of(features);
  check_shape(out.values, {-1, -1, dim}, kWhere, what);
  check<ShapeError>(out.values.size(1) > 0, "[{}] expected at least one token in the {}, got {}", {kWhere, what, out.values});
  check_mask(out.mask, out.values.size(0), out.values.size(1), kWhere);
  if (features.present.defined()) {
    check<ShapeError>(features.present.scalar_type() == at::kBool && features.present.sizes() == at::IntArrayRef({out.values.size(0)}),
                      "[{}] expected present [B] bool for {}, got {}", {kWhere, out.values, features.present});
    const Tensor present = features.present.to(out.values.device()).unsqueeze(1);  // [B, 1]
    out.mask = out.mask.defined() ? out.mask.logical_and(present) : present.expand({-1, out.values.size(1)});
  }
  out.values = zero_padding(out.values, out.mask);
  return out;
}

/// Seconds [B, T] in double, zeros where the mask hides them, finite elsewhere.
Tensor clean_times(const Features& features, const Tokens& tokens, std::string_view what) {
  check_shape(features.times, {tokens.values.size(0), tokens.values.size(1)}, kWhere, what);
  Tensor times = features.times.to(tokens.values.device(), at::kDouble);
  if (tokens.mask.defined()) times = at::where(tokens.mask, times, at::zeros({}, times.options()));
  check<DataError>(times.detach().isfinite().all().item<bool>(), "[{}] expected finite {} for real tokens, got NaN or infinity", {kWhere, what});
  return times;
}

}  // namespace

void CrossModalAttentionOptions::validate() const {
  check<ConfigError>(dim > 0 && heads > 0 && dim % heads == 0, "[{}] expected dim > 0 divisible by heads > 0, got dim {} and heads {}",
                     {kWhere, dim, heads});
  check<ConfigError>(target_dim >= 0 && source_dim >= 0, "[{}] expected target_dim and source_dim >= 0, got {} and {}",
                     {kWhere, target_dim, source_dim});
  check<ConfigError>(time_width_seconds >= 0 && std::isfinite(time_width_seconds), "[{}] expected time_width_seconds >= 0, got {}",
                     {kWhere, time_width_seconds});
  check_dropout_rate(kWhere, dropout_rate);
}

CrossModalAttentionImpl::CrossModalAttentionImpl(CrossModalAttentionOptions options)
    : options_(options),
      query_({.in_dim = options.target_dim > 0 ? options.target_dim : options.dim, .out_dim = options.dim}),
      key_({.in_dim = options.source_dim > 0 ? options.source_dim : options.dim, .out_dim = options.dim}),
      value_({.in_dim = key_->options().in_dim, .out_dim = options.dim}),
      output_({.in_dim = options.dim, .out_dim = options.dim}) {
  register_module("query", query_);
  register_module("key", key_);
  register_module("value", value_);
  register_module("output", output_);
}

SoftAlignment CrossModalAttentionImpl::forward(const Features& target, const Features& source) {
  const Tokens to = clean_tokens(target, query_->options().in_dim, "target"), from = clean_tokens(source, key_->options().in_dim, "source");
  const int64_t batch = to.values.size(0), targets = to.values.size(1);
  check<ShapeError>(from.values.size(0) == batch, "[{}] expected one batch size, got target {} and source {}", {kWhere, to.values, from.values});
  const auto split = [&](const Tensor& x) { return x.view({batch, x.size(1), options_.heads, options_.dim / options_.heads}).transpose(1, 2); };
  const Tensor width = at::scalar_tensor(std::sqrt(static_cast<double>(options_.dim / options_.heads)), to.values.options());
  Tensor scores = at::matmul(split(query_(to.values)), split(key_(from.values)).transpose(2, 3)) / width;  // [B, H, T, S]

  // A row with nothing to look at would be 0/0: it looks at zeroed padding, and is cleared below.
  Tensor seen, hidden;  // [B, T]: a real token that has something to look at; [B, 1, S]: what may not be looked at
  if (from.mask.defined()) {
    const Tensor any = from.mask.any(1, /*keepdim=*/true);  // [B, 1]
    hidden = from.mask.logical_not().logical_and(any).unsqueeze(1);
    seen = any.expand({batch, targets});
  }
  if (options_.time_width_seconds > 0) {
    check<ConfigError>(target.times.defined() && source.times.defined(), "[{}] expected times of target and source for a prior of {} s, got none",
                       {kWhere, options_.time_width_seconds});
    const Tensor apart =
        clean_times(target, to, "times of the target").unsqueeze(2) - clean_times(source, from, "times of the source").unsqueeze(1);  // [B, T, S]
    Tensor prior = (apart / options_.time_width_seconds).square().div(2).clamp_max(1e300);
    // Relative to the nearest source, so that a prior may be far narrower than the distance to any.
    prior = prior - (hidden.defined() ? prior.masked_fill(hidden, std::numeric_limits<double>::infinity()) : prior).amin(2, /*keepdim=*/true);
    scores = scores - prior.clamp_max(1e30).to(scores.scalar_type()).unsqueeze(1);
  }
  if (hidden.defined()) scores = scores.masked_fill(hidden.unsqueeze(1), -std::numeric_limits<double>::infinity());
  if (to.mask.defined()) seen = seen.defined() ? seen.logical_and(to.mask) : to.mask;
  Tensor weights = scores.softmax(-1);  // [B, H, T, S]
  if (seen.defined()) weights = at::where(seen.view({batch, 1, targets, 1}), weights, at::zeros({}, weights.options()));

  SoftAlignment out;
  Tensor x = at::matmul(at::dropout(weights, options_.dropout_rate, is_training()), split(value_(from.values)));  // [B, H, T, D / H]
  x = output_(x.transpose(1, 2).reshape({batch, targets, options_.dim}));                                         // [B, T, D]
  out.tokens = seen.defined() ? at::where(seen.unsqueeze(2), x, at::zeros({}, x.options())) : x;
  const Tensor mean = weights.mean(1);  // [B, T, S]
  out.weights = options_.weights == AlignmentWeights::mean ? mean : weights;
  if (source.times.defined()) out.times = at::matmul(mean.to(at::kDouble), clean_times(source, from, "times of the source").unsqueeze(2)).squeeze(2);
  return out;
}

}  // namespace alloy
