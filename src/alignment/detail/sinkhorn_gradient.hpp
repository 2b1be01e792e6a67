// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <alloy/core/tensor.hpp>

namespace alloy::detail {

/// A solution, as the gradient needs it; weights and costs as they were given, on the CPU.
struct SinkhornState {
  Tensor cost, a, b, plan;         ///< [B, N, M], [B, N], [B, M], [B, N, M]
  Tensor f, g;                     ///< [B, N], [B, M] double
  Tensor row_ratio, column_ratio;  ///< [B, N], [B, M] double: sums of the plan over the weights, also where those are 0
  double epsilon = 0, row_relaxation = 0, column_relaxation = 0;
};

struct SinkhornGradient {
  Tensor cost, a, b;  ///< double
};

/// @param by_plan, by_cost, by_value  [B, N, M], [B], [B]; any may be undefined
SinkhornGradient sinkhorn_gradient(const SinkhornState& state, const Tensor& by_plan, const Tensor& by_cost, const Tensor& by_value);

}  // namespace alloy::detail
