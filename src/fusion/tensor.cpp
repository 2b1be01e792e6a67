// SPDX-License-Identifier: Apache-2.0
#include <alloy/fusion/tensor.hpp>
#include <alloy/layers/mlp.hpp>

#include <ATen/Functions.h>
#include <torch/nn/init.h>
#include <torch/types.h>
#include <torch/utils.h>

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

/// Starts the weights [D, P] of all products so that those of each order, from the constant up to the product of all
/// modalities, give the same share of the output's variance. With one scale for all, the few products that hold one
/// modality alone drown in the many that hold every one, and a modality that learns slowly never does.
void balance_orders(Tensor weight, const std::vector<int64_t>& widths) {
  const torch::NoGradGuard no_grad;
  Tensor order = at::zeros({1}, at::kLong);  // how many modalities a product holds, in the order of `forward`
  for (const int64_t width : widths) order = (order.unsqueeze(1) + at::cat({at::ones({width}, at::kLong), at::zeros({1}, at::kLong)})).flatten();
  const Tensor count = at::bincount(order).to(weight.scalar_type());
  torch::nn::init::uniform_(weight, -1.0, 1.0);
  weight.mul_((3.0 / (static_cast<double>(count.size(0)) * count)).sqrt().index_select(0, order));
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
  balance_orders(joint_->weight, inner_dims(options_, dims_));
}

FusionOutput TensorFusionImpl::forward(const ModalityMap<Features>& features) {
  const auto inputs = missing_(collect_pooled("TensorFusion", features, options_.modalities, dims_));
  const int64_t batch = inputs[0].size(0);
  const Tensor one = at::ones({batch, 1}, inputs[0].options());
  Tensor product = one;  // [B, 1]
  for (size_t m = 0; m < inputs.size(); ++m) {
    const Tensor x = projections_.empty() ? inputs[m] : projections_[m](inputs[m]);
    product = at::bmm(product.unsqueeze(2), at::cat({x, one}, 1).unsqueeze(1)).flatten(1);  // [B, P (D_m + 1)]
  }
  return {.fused = at::dropout(joint_(product), options_.dropout_rate, is_training()), .weights = {}, .penalty = {}};
}

}  // namespace alloy
