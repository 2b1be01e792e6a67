// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Nested widths (Kusupati et al. 2022, eq. 1): the first 64 of 512 dimensions must do the job too. Any loss of two matrices
/// of unit rows serves.

#include <alloy/core/tensor.hpp>

#include <functional>
#include <vector>

namespace alloy {

using PairLoss = std::function<Tensor(const Tensor& a, const Tensor& b)>;

/// sum_w c_w loss(a[:, :w], b[:, :w]) / sum c, with the cut rows made unit rows again.
/// @param widths  each in 1..D @param weights  c, one a width, > 0; empty = all alike
/// @throws ConfigError for widths or weights out of range
ALLOY_API Tensor matryoshka(const Tensor& a, const Tensor& b, const std::vector<int64_t>& widths, const PairLoss& loss, const std::vector<double>& weights = {});

}  // namespace alloy
