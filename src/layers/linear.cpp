// SPDX-License-Identifier: Apache-2.0
#include <alloy/layers/linear.hpp>

#include <torch/nn/init.h>
#include <torch/types.h>

#include <cmath>

namespace alloy {

void LinearOptions::validate() const {
  check<ConfigError>(in_dim > 0 && out_dim > 0, "[Linear] expected in_dim and out_dim > 0, got {} and {}", {in_dim, out_dim});
}

LinearImpl::LinearImpl(LinearOptions options) : options_(options) {
  const double bound = 1.0 / std::sqrt(static_cast<double>(options_.in_dim));
  weight = register_parameter("weight", torch::empty({options_.out_dim, options_.in_dim}));
  torch::nn::init::uniform_(weight, -bound, bound);
  if (!options_.bias) return;
  bias = register_parameter("bias", torch::empty({options_.out_dim}));
  torch::nn::init::uniform_(bias, -bound, bound);
}

Tensor LinearImpl::forward(const Tensor& x) {
  check<ShapeError>(x.dim() >= 1 && x.size(-1) == options_.in_dim, "[Linear] expected [..., {}], got {}", {options_.in_dim, x});
  return at::linear(x, weight, bias);
}

}  // namespace alloy
