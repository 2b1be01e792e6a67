// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <alloy/core/tensor.hpp>
#include <torch/nn/module.h>

namespace alloy::detail {

/// Where the parameters of a model are.
inline at::Device device_of(const torch::nn::Module& module) {
  const auto parameters = module.parameters();
  return parameters.empty() ? at::Device(at::kCPU) : parameters[0].device();
}

}  // namespace alloy::detail
