// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Supervised contrast (Khosla et al. 2020, eq. 2, "L_out"): samples of the same class attract each other, all others repel.

#include <alloy/core/tensor.hpp>

namespace alloy {

/// Mean over the samples that have a positive of -1/|P(i)| sum_{p in P(i)} log softmax_{j != i}(scale x_i . x_p), P(i) the
/// others of i's class; 0 if no sample has one. Memory as info_nce.
/// @param features  [B, D] float, double or bfloat16, usually unit rows; several views of a sample are rows of the same class
/// @param labels  int64 [B] @param scale  a scalar tensor, 1 / temperature
/// @throws ShapeError
ALLOY_API Tensor supervised_contrastive(const Tensor& features, const Tensor& labels, const Tensor& scale);

}  // namespace alloy
