// SPDX-License-Identifier: Apache-2.0
#include <alloy/fusion/gated.hpp>
#include <alloy/layers/mlp.hpp>

#include "fusion/detail/weights.hpp"

#include <numeric>

namespace alloy {

void GatedFusionOptions::validate() const {
  check_modalities("GatedFusion", modalities, input_dims, dim);
  check_dropout_rate("GatedFusion", dropout_rate);
}

GatedFusionImpl::GatedFusionImpl(GatedFusionOptions options)
    : options_(std::move(options)),
      dims_(check_modalities("GatedFusion", options_.modalities, options_.input_dims, options_.dim)) {
  const int64_t total = std::accumulate(dims_.begin(), dims_.end(), int64_t{0});
  for (size_t m = 0; m < dims_.size(); ++m) {
    values_.push_back(Linear({.in_dim = dims_[m], .out_dim = options_.dim}));
    gates_.push_back(Linear({.in_dim = total, .out_dim = options_.dim}));
    register_module("values_" + std::to_string(m), values_.back());
    register_module("gates_" + std::to_string(m), gates_.back());
  }
}

FusionOutput GatedFusionImpl::forward(const ModalityMap<Features>& features) {
  const auto inputs = collect_pooled("GatedFusion", features, options_.modalities, dims_);
  const Tensor all = at::cat(inputs.values, 1);  // [B, sum D_m]
  std::vector<Tensor> values, gates;
  for (size_t m = 0; m < dims_.size(); ++m) {
    values.push_back(at::tanh(values_[m](inputs.values[m])));
    gates.push_back(at::sigmoid(gates_[m](all)));
  }
  const Tensor open = at::stack(gates, 1) * inputs.present.unsqueeze(2);  // [B, M, D], 0 where absent
  const Tensor x = (open * at::stack(values, 1)).sum(1);                  // [B, D]
  return {.fused = at::dropout(x, options_.dropout_rate, is_training()),
          .weights = detail::renormalise(open.mean(2), inputs.present),
          .penalty = {}};
}

}  // namespace alloy
