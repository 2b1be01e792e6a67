// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <alloy/core/tensor.hpp>

namespace alloy::detail {

/// x w^T by the fastest matrix product that LibTorch has on this machine. Without autograd.
/// Note [Product]: on AMD, MKL takes its AVX2 path at some 40 % of the peak, while oneDNN in the same library reaches 80 to
/// 90 %. Small products, where oneDNN's set-up costs more than it saves, and other types than float stay with at::mm.
/// @param x  [N, K] @param w  [M, K], of any strides
/// @return [N, M], contiguous
Tensor product(const Tensor& x, const Tensor& w);

/// Whether this processor multiplies bfloat16 by itself, about twice as fast as float; where it does not, it is slower.
bool multiplies_bfloat16();

}  // namespace alloy::detail
