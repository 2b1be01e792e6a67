// SPDX-License-Identifier: Apache-2.0
#pragma once

/// NumPy's files: one array (`.npy`, versions 1 to 3) or several in a zip archive (`.npz`, stored or deflated).

#include <alloy/core/tensor.hpp>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alloy {

struct NpyLimits {
  uint64_t max_bytes = uint64_t{4} << 30;  ///< of all arrays of the file together
};

/// The array, contiguous and in the byte order of the machine, whatever they are in the file.
/// Dtypes: f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1. Object arrays are code and are refused, as are strings and records.
/// @throws DataError for a file that is damaged, has another dtype, holds more or less than its header says, or is over
///         the limit; IoError if it cannot be read
ALLOY_API at::Tensor read_npy(const std::filesystem::path& path, const NpyLimits& limits = {});
/// @param where  what the bytes are (a file name), for messages
ALLOY_API at::Tensor decode_npy(std::span<const std::byte> bytes, std::string_view where, const NpyLimits& limits = {});

/// The arrays in the order of the archive, named without `.npy`.
/// @throws as read_npy; also for a repeated name, an encrypted member, or one whose check sum is wrong
ALLOY_API std::vector<std::pair<std::string, at::Tensor>> read_npz(const std::filesystem::path& path, const NpyLimits& limits = {});

}  // namespace alloy
