// SPDX-License-Identifier: Apache-2.0
#include <alloy/fusion/low_rank.hpp>
#include <alloy/layers/mlp.hpp>

#include <torch/nn/init.h>
#include <torch/types.h>

#include <cmath>

namespace alloy {

void LowRankFusionOptions::validate() const {
  check_modalities("LowRankFusion", modalities, input_dims, dim);
  check<ConfigError>(rank > 0, "[LowRankFusion] expected rank > 0, got {}", {rank});
  check_dropout_rate("LowRankFusion", dropout_rate);
}

LowRankFusionImpl::LowRankFusionImpl(LowRankFusionOptions options)
    : options_(std::move(options)),
      dims_(check_modalities("LowRankFusion", options_.modalities, options_.input_dims, options_.dim)),
      missing_({.dims = dims_, .missing = options_.missing}) {
  register_module("missing", missing_);
  for (size_t m = 0; m < dims_.size(); ++m) {
    factors_.push_back(register_parameter("factors_" + std::to_string(m), torch::empty({dims_[m] + 1, options_.rank * options_.dim})));
    torch::nn::init::normal_(factors_.back(), 0.0, 1.0 / std::sqrt(static_cast<double>(dims_[m])));
    // The one's row starts at 1: products then hold the terms of first order too, not only those of order M, and
    // gradients do not vanish. The bias takes the sum of ones away again.
    const torch::NoGradGuard no_grad;
    factors_.back().select(0, dims_[m]).fill_(1.0);
  }
  bias_ = register_parameter("bias", torch::full({options_.dim}, -static_cast<double>(options_.rank)));
}

FusionOutput LowRankFusionImpl::forward(const ModalityMap<Features>& features) {
  const auto inputs = missing_(collect_pooled("LowRankFusion", features, options_.modalities, dims_));
  Tensor product;
  for (size_t m = 0; m < inputs.size(); ++m) {
    const int64_t width = dims_[m];
    const Tensor x = at::addmm(factors_[m].select(0, width), inputs[m], factors_[m].slice(0, 0, width));  // [B, R D]
    product = m == 0 ? x : product * x;
  }
  const Tensor x = product.view({-1, options_.rank, options_.dim}).sum(1) + bias_;  // [B, D]
  return {.fused = at::dropout(x, options_.dropout_rate, is_training()), .weights = {}, .penalty = {}};
}

}  // namespace alloy
