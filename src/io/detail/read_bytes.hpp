// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace alloy::detail {

/// The whole of a regular file. Never blocks: folders, pipes and devices are refused.
/// @throws IoError with path and reason, DataError if the file is longer than `max_bytes` (nothing is allocated then)
std::vector<std::byte> read_bytes(const std::filesystem::path& path, int64_t max_bytes);

/// The first `count` bytes of a regular file, or all of a shorter one.
std::vector<std::byte> read_first_bytes(const std::filesystem::path& path, int64_t count);

}  // namespace alloy::detail
