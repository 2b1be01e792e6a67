// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Gathering the rows that are present and putting results back.

#include <ATen/Functions.h>
#include <alloy/core/tensor.hpp>

namespace alloy::detail {

/// Indices [N] of the rows present, or an undefined tensor when all are (or `present` is undefined).
inline Tensor present_index(const Tensor& present, int64_t batch) {
  if (!present.defined()) return {};
  Tensor index = present.nonzero().squeeze(1);
  return index.size(0) == batch ? Tensor() : index;
}

/// [N, ...] to [B, ...]: row i goes to row index[i], all others are zero. Undefined stays undefined.
inline Tensor scatter_rows(const Tensor& rows, const Tensor& index, int64_t batch) {
  if (!rows.defined()) return {};
  auto shape = rows.sizes().vec();
  shape[0] = batch;
  return at::zeros(shape, rows.options()).index_copy(0, index.to(rows.device()), rows);
}

}  // namespace alloy::detail
