// SPDX-License-Identifier: Apache-2.0
#include <alloy/fusion/concat.hpp>
#include <alloy/layers/mlp.hpp>

#include <ATen/Functions.h>

#include <numeric>

namespace alloy {

void ConcatFusionOptions::validate() const {
  check_modalities("ConcatFusion", modalities, input_dims, dim);
  check_dropout_rate("ConcatFusion", dropout_rate);
}

ConcatFusionImpl::ConcatFusionImpl(ConcatFusionOptions options)
    : options_(std::move(options)),
      dims_(check_modalities("ConcatFusion", options_.modalities, options_.input_dims, options_.dim)),
      missing_({.dims = dims_, .missing = options_.missing}),
      joint_({.in_dim = std::accumulate(dims_.begin(), dims_.end(), int64_t{0}), .out_dim = options_.dim}) {
  register_module("missing", missing_);
  register_module("joint", joint_);
}

FusionOutput ConcatFusionImpl::forward(const ModalityMap<Features>& features) {
  const auto inputs = collect_pooled("ConcatFusion", features, options_.modalities, dims_);
  const Tensor x = at::relu(joint_(at::cat(missing_(inputs), 1)));  // [B, D]
  return {.fused = at::dropout(x, options_.dropout_rate, is_training()), .weights = {}, .penalty = {}};
}

}  // namespace alloy
