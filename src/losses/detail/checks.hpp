// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <alloy/core/tensor.hpp>

namespace alloy::detail {

/// a [N, D], b [M, D], both floating, of one dtype, on the CPU, not empty.
void check_features(std::string_view where, const Tensor& a, const Tensor& b);
void check_scalar(std::string_view where, const Tensor& scalar, std::string_view what);
/// int64 [rows] or undefined.
void check_ids(std::string_view where, const Tensor& ids, int64_t rows, std::string_view what);
/// >= 0, finite, not all 0, [rows], or undefined.
void check_weights(std::string_view where, const Tensor& weights, int64_t rows);
/// sum w x / sum w; the mean without weights.
Tensor weighted_mean(const Tensor& losses, const Tensor& weights);

}  // namespace alloy::detail
