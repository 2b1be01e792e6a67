// SPDX-License-Identifier: Apache-2.0
#include <alloy/fusion/attention.hpp>
#include <alloy/layers/mlp.hpp>

#include "fusion/detail/weights.hpp"

#include <torch/utils.h>

namespace alloy {

void AttentionFusionOptions::validate() const {
  check_modalities("AttentionFusion", modalities, input_dims, dim);
  check_dropout_rate("AttentionFusion", dropout_rate);
}

AttentionFusionImpl::AttentionFusionImpl(AttentionFusionOptions options)
    : options_(std::move(options)),
      dims_(check_modalities("AttentionFusion", options_.modalities, options_.input_dims, options_.dim)),
      key_({.in_dim = options_.dim, .out_dim = options_.dim}),
      query_({.in_dim = options_.dim, .out_dim = 1, .bias = false}) {
  for (size_t m = 0; m < dims_.size(); ++m) {
    values_.push_back(Linear({.in_dim = dims_[m], .out_dim = options_.dim}));
    register_module("values_" + std::to_string(m), values_.back());
  }
  register_module("key", key_);
  register_module("query", query_);
  // A small query starts near the mean. From larger scores the softmax soon settles on the modality that learns fastest, and
  // the others, which then get no gradient, never learn.
  const torch::NoGradGuard no_grad;
  query_->weight.mul_(0.01);
}

FusionOutput AttentionFusionImpl::forward(const ModalityMap<Features>& features) {
  const auto inputs = collect_pooled("AttentionFusion", features, options_.modalities, dims_);
  std::vector<Tensor> projected;
  for (size_t m = 0; m < dims_.size(); ++m) projected.push_back(at::relu(values_[m](inputs.values[m])));
  const Tensor values = at::stack(projected, 1);                            // [B, M, D]
  const Tensor scores = query_(at::tanh(key_(values))).squeeze(2);          // [B, M]
  const Tensor weights = detail::masked_softmax(scores, inputs.present);    // [B, M]
  const Tensor x = detail::weighted_sum(values, weights);                   // [B, D]
  return {.fused = at::dropout(x, options_.dropout_rate, is_training()), .weights = weights, .penalty = {}};
}

}  // namespace alloy
