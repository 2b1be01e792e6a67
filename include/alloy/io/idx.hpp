// SPDX-License-Identifier: Apache-2.0
#pragma once

/// IDX files, plain or gzipped: the format of MNIST and its relatives.

#include <alloy/core/tensor.hpp>

#include <cstdint>
#include <filesystem>

namespace alloy {

struct IdxLimits {
  uint64_t max_bytes = uint64_t{4} << 30;  ///< of values
};

/// The array as uint8, int8, int16, int32, float32 or float64, in the byte order of the machine.
/// @throws DataError for a file that is damaged or cut, holds more than its header says, or is over the limit;
///         IoError if it cannot be read
ALLOY_API at::Tensor read_idx(const std::filesystem::path& path, const IdxLimits& limits = {});

}  // namespace alloy
