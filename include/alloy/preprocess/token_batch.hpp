// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What tokenizers hand to encoders: ids of several texts, padded to the longest.

#include <alloy/core/tensor.hpp>

#include <cstdint>
#include <vector>

namespace alloy {

struct TokenBatch {
  Tensor ids;   ///< [B, T] int64
  Tensor mask;  ///< [B, T] bool, true = real token; no row is all false
};

/// @param rows    ids of each text, each at least one; at least one row
/// @param pad_id  fills the ends of shorter rows, under mask = false
/// @throws ShapeError if there is no row or a row has no ids: its mask would be all false
ALLOY_API TokenBatch pad_token_rows(const std::vector<std::vector<int64_t>>& rows, int64_t pad_id);

}  // namespace alloy
