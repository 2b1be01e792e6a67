// SPDX-License-Identifier: Apache-2.0
#include "worker.hpp"

#include <alloy/alignment/dtw_matrix.hpp>
#include <alloy/alignment/soft_dtw.hpp>

#include <torch/torch.h>

using alloy::Tensor;

namespace bench {

namespace {

/// Distances of all pairs of x [N, T, D].
Factory matrix(at::ScalarType type) {
  return [type](const Inputs& inputs) -> Work {
    const std::vector<Tensor> series = inputs.at("x").to(type).unbind(0);
    return {.call = [=]() -> Outputs { return {{"distances", alloy::dtw_distance_matrix(series)}}; }};
  };
}

/// Of all pairs of x [N, T, D] and y [M, T, D], as a batch of N M.
Factory soft(at::ScalarType type) {
  return [type](const Inputs& inputs) -> Work {
    const Tensor x = inputs.at("x").to(type), y = inputs.at("y").to(type);
    const Tensor first = x.repeat_interleave(y.size(0), 0), second = y.repeat({x.size(0), 1, 1});
    return {.call = [=]() -> Outputs { return {{"values", alloy::soft_dtw({first}, {second}).view({x.size(0), y.size(0)})}}; }};
  };
}

Work soft_gradient(const Inputs& inputs) {
  const Tensor x = inputs.at("x").clone().requires_grad_(), y = inputs.at("y").clone().requires_grad_();
  return {.call = [=]() -> Outputs {
    const Tensor value = alloy::soft_dtw({x}, {y}).sum();
    const auto grads = torch::autograd::grad({value}, {x, y});
    return {{"value", value.detach()}, {"grad_x", grads[0]}, {"grad_y", grads[1]}};
  }};
}

[[maybe_unused]] const bool added = add("dtw_float", matrix(at::kFloat)) && add("dtw_double", matrix(at::kDouble)) &&
                                    add("soft_dtw_float", soft(at::kFloat)) && add("soft_dtw_double", soft(at::kDouble)) &&
                                    add("soft_dtw_gradient", soft_gradient);

}  // namespace

}  // namespace bench
