// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <alloy/core/batch.hpp>

namespace alloy::detail {

/// A batch in parts of `size` samples, the last one maybe smaller. They share the memory of the batch: copies of a batch too large
/// for memory would be what the parts are to avoid.
std::vector<Batch> parts_of(const Batch& batch, int64_t size);

}  // namespace alloy::detail
