// SPDX-License-Identifier: Apache-2.0
#include <alloy/fusion/sum.hpp>
#include <alloy/layers/mlp.hpp>

#include "fusion/detail/weights.hpp"

#include <torch/types.h>

namespace alloy {

void SumFusionOptions::validate() const {
  check_modalities("SumFusion", modalities, input_dims, dim);
  check_dropout_rate("SumFusion", dropout_rate);
}

SumFusionImpl::SumFusionImpl(SumFusionOptions options)
    : options_(std::move(options)),
      dims_(check_modalities("SumFusion", options_.modalities, options_.input_dims, options_.dim)) {
  for (size_t m = 0; m < dims_.size(); ++m) {
    projections_.push_back(Linear({.in_dim = dims_[m], .out_dim = options_.dim}));
    register_module("projections_" + std::to_string(m), projections_.back());
  }
  scores_ = register_parameter("scores", torch::zeros({static_cast<int64_t>(dims_.size())}));
}

FusionOutput SumFusionImpl::forward(const ModalityMap<Features>& features) {
  const auto inputs = collect_pooled("SumFusion", features, options_.modalities, dims_);
  std::vector<Tensor> values;
  for (size_t m = 0; m < dims_.size(); ++m) values.push_back(projections_[m](inputs.values[m]));
  const Tensor weights = detail::masked_softmax(scores_.expand(inputs.present.sizes()), inputs.present);  // [B, M]
  const Tensor x = at::relu(detail::weighted_sum(at::stack(values, 1), weights));                         // [B, D]
  return {.fused = at::dropout(x, options_.dropout_rate, is_training()), .weights = weights, .penalty = {}};
}

}  // namespace alloy
