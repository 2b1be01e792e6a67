// SPDX-License-Identifier: Apache-2.0
#include <alloy/fusion/tensor.hpp>
#include <alloy/layers/mlp.hpp>

#include <ATen/Functions.h>

namespace alloy {

namespace {

constexpr int64_t kMaxWeights = int64_t{1} << 27;

/// Number of products of the widths, each plus one; stops growing above the limit so that it cannot wrap.
int64_t num_products(const std::vector<int64_t>& dims) {
  int64_t products = 1;
  for (const int64_t width : dims) products = products > kMaxWeights / (width + 1) ? kMaxWeights + 1 : products * (width + 1);
  return products;
}

std::vector<int64_t> inner_dims(const TensorFusionOptions& options, const std::vector<int64_t>& dims) {
  return options.inner_dim > 0 ? std::vector<int64_t>(dims.size(), options.inner_dim) : dims;
}

}  // namespace

void TensorFusionOptions::validate() const {
  const auto dims = check_modalities("TensorFusion", modalities, input_dims, dim);
  check<ConfigError>(inner_dim >= 0, "[TensorFusion] expected inner_dim >= 0, got {}", {inner_dim});
  check_dropout_rate("TensorFusion", dropout_rate);
  const auto inner = inner_dims(*this, dims);
  check<ConfigError>(num_products(inner) <= kMaxWeights / dim,
                     "[TensorFusion] expected at most {} weights, got the product of widths {} (each + 1) times dim {}; "
                     "set inner_dim or use LowRankFusion", {kMaxWeights, inner, dim});
}

TensorFusionImpl::TensorFusionImpl(TensorFusionOptions options)
    : options_(std::move(options)),
      dims_(check_modalities("TensorFusion", options_.modalities, options_.input_dims, options_.dim)),
      missing_({.dims = dims_, .missing = options_.missing}),
      joint_({.in_dim = num_products(inner_dims(options_, dims_)), .out_dim = options_.dim}) {
  register_module("missing", missing_);
  if (options_.inner_dim > 0) {
    for (size_t m = 0; m < dims_.size(); ++m) {
      projections_.push_back(Linear({.in_dim = dims_[m], .out_dim = options_.inner_dim}));
      register_module("projections_" + std::to_string(m), projections_.back());
    }
  }
  register_module("joint", joint_);
}

FusionOutput TensorFusionImpl::forward(const ModalityMap<Features>& features) {
  const auto inputs = missing_(collect_pooled("TensorFusion", features, options_.modalities, dims_));
  const int64_t batch = inputs[0].size(0);
  const Tensor one = at::ones({batch, 1}, inputs[0].options());
  Tensor product = one;  // [B, 1]
  for (size_t m = 0; m < inputs.size(); ++m) {
    const Tensor x = projections_.empty() ? inputs[m] : at::tanh(projections_[m](inputs[m]));
    product = at::bmm(product.unsqueeze(2), at::cat({x, one}, 1).unsqueeze(1)).flatten(1);  // [B, P (D_m + 1)]
  }
  return {.fused = at::dropout(joint_(product), options_.dropout_rate, is_training()), .weights = {}, .penalty = {}};
}

}  // namespace alloy
