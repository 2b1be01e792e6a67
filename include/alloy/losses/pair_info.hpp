// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What is known of the pairs of a contrastive batch, beside that row i of one side belongs to row i of the other.

#include <alloy/core/tensor.hpp>

namespace alloy {

struct PairInfo {
  /// int64 [B]: rows of the same id (the same item, or the same caption) are positives of one another and no negatives.
  /// Undefined: every row is an item of its own.
  Tensor ids = {};
  /// float [B], >= 0, not all 0: how much each pair counts; no gradient. Undefined: all alike.
  Tensor weights = {};
};

/// Checks features [B, D] of both sides, a scalar scale and the info.
/// @throws ShapeError, or DataError for weights below 0, not finite, or all 0
ALLOY_API void check_pairs(std::string_view where, const Tensor& a, const Tensor& b, const Tensor& scale, const PairInfo& pairs);

}  // namespace alloy
