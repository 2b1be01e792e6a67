// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Arithmetic on sizes from files, and byte order.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace alloy::detail {

/// Bytes of an array, or nothing where they, or the strides that LibTorch makes of the sizes, reach 2^63.
inline std::optional<uint64_t> array_bytes(std::span<const int64_t> shape, uint64_t item_size) {
  uint64_t bytes = item_size;
  bool empty = false;
  for (const int64_t size : shape) {
    if (size < 0) return std::nullopt;
    empty = empty || size == 0;
    if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(std::max<int64_t>(size, 1)), &bytes) || bytes > static_cast<uint64_t>(INT64_MAX))
      return std::nullopt;
  }
  return empty ? 0 : bytes;
}

inline void swap_bytes(std::span<std::byte> bytes, size_t item_size) {
  for (size_t at = 0; item_size > 1 && at + item_size <= bytes.size(); at += item_size) std::ranges::reverse(bytes.subspan(at, item_size));
}

}  // namespace alloy::detail
