// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The sigmoid loss of SigLIP (Zhai et al. 2023, eq. 1): every pair of the batch is a yes or no of its own, so nothing is
/// normalised over the batch. Divided by B, not by B^2. The B x B matrix is never held, and the gradient comes out of the
/// same pass as the loss.

#include <alloy/losses/pair_info.hpp>

namespace alloy {

/// sum_ij (w_i + w_j) / 2 log(1 + exp(-z_ij (scale a_i . b_j + bias))) / sum w, with z_ij = 1 for positives, else -1.
/// @param a, b  [B, D] float, double or bfloat16 (computed in float but for products of the gradient), usually unit rows
/// @param scale, bias  scalar tensors; SigLIP starts them at 10 and -10
/// @return a scalar in float or double; once differentiable in a, b, scale and bias
/// @throws ShapeError, DataError
ALLOY_API Tensor sigmoid_loss(const Tensor& a, const Tensor& b, const Tensor& scale, const Tensor& bias, const PairInfo& pairs = {});

/// Against more rows than there are pairs: the part of this process where rows of the other side were gathered from all.
/// sum_ij w_i log(1 + exp(-z_ij (scale a_i . b_j + bias))) / sum w. @param b  [M, D], M >= first + N; b_{first + i} belongs to a_i
/// @param weights  of the rows of a, [N] or undefined
ALLOY_API Tensor sigmoid_loss_against(const Tensor& a, const Tensor& b, const Tensor& scale, const Tensor& bias, int64_t first = 0, const Tensor& ids = {},
                                      const Tensor& other_ids = {}, const Tensor& weights = {});

}  // namespace alloy
