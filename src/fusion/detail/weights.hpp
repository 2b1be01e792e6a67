// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Weights over the modalities that are present.

#include <ATen/Functions.h>
#include <alloy/core/tensor.hpp>

#include <limits>

namespace alloy::detail {

/// Softmax over what is present. @param scores [B, M] @param present [B, M] bool with a true in every row
inline Tensor masked_softmax(const Tensor& scores, const Tensor& present) {
  return scores.masked_fill(present.logical_not(), -std::numeric_limits<double>::infinity()).softmax(1);
}

/// sum_m weights[b, m] values[b, m, :]; values of absent modalities must be finite. [B, M, D], [B, M] to [B, D]
inline Tensor weighted_sum(const Tensor& values, const Tensor& weights) {
  return at::bmm(weights.unsqueeze(1), values).squeeze(1);
}

/// Non-negative weights scaled to sum to 1 over what is present; equal weights where all of those are zero.
inline Tensor renormalise(const Tensor& weights, const Tensor& present) {
  const Tensor here = present.to(weights.scalar_type());
  const Tensor kept = weights * here;
  const Tensor sum = kept.sum(1, /*keepdim=*/true);
  return at::where(sum > 0, kept / sum.clamp_min(1e-30), here / here.sum(1, /*keepdim=*/true));
}

}  // namespace alloy::detail
