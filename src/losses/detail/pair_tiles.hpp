// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Losses over all pairs of rows of two matrices, by their scaled products S_ij = s a_i . b_j: what contrastive losses are
/// made of. The N x M matrix is never there: it is computed tile by tile, reduced and thrown away, and for the gradient
/// computed again. Memory beyond inputs and gradients: a few MB a thread and O(N + M). Everything here is once differentiable.

#include <alloy/core/tensor.hpp>

#include <utility>

namespace alloy::detail {

/// Which pairs belong together, and which are no negatives.
struct PairTargets {
  /// int64 [N], [M]: pairs of equal ids are positives. Undefined: b_{first + i} is the positive of a_i.
  Tensor row_ids = {}, col_ids = {};
  int64_t first = 0;
  enum class LeaveOut { nothing, self, positives } leave_out = LeaveOut::nothing;  ///< of the sums; self: i = j, which then is no positive either
};

/// Cross-entropy of each row and each column, [N] and [M]: -sum_j q_ij log softmax_j(S_ij), q_ij = 1 / (positives of i) on
/// positives, and likewise for columns. Exact for any scale, by running maxima. Rows without positives have the log-sum-exp
/// alone; -inf where all pairs are left out.
/// @param a  [N, D] @param b  [M, D]: float, double, or bfloat16, which is computed in float but for products of the gradient @param scale  a scalar tensor
/// @param smoothing  0..1, share of q spread over all pairs
std::pair<Tensor, Tensor> pair_cross_entropy(const Tensor& a, const Tensor& b, const Tensor& scale, const PairTargets& targets, double smoothing = 0);

/// sum_ij (v_i + w_j) log(1 + exp(-z_ij (S_ij + bias))), z = 1 for positives, else -1; a scalar. The gradient is computed in
/// the same pass, so the forward pass is as dear as both where a gradient is wanted.
/// @param bias  a scalar tensor @param v  [N] @param w  [M], without gradient
Tensor pair_logistic(const Tensor& a, const Tensor& b, const Tensor& scale, const Tensor& bias, const PairTargets& targets, const Tensor& v, const Tensor& w);

}  // namespace alloy::detail
