// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The header of NumPy's format, without files and without LibTorch.

#include <alloy/core/export.hpp>

#include <cstdint>
#include <string_view>
#include <vector>

namespace alloy::detail {

struct NpyHeader {
  char kind = 0;  ///< f, i, u or b
  uint64_t item_size = 0;
  bool big_endian = false;
  bool fortran_order = false;
  std::vector<int64_t> shape;
  uint64_t bytes = 0;  ///< of the data
};

/// @param text  the literal of a Python dict that follows the length field
/// @param where  for messages
/// @throws DataError
ALLOY_API NpyHeader parse_npy_header(std::string_view text, std::string_view where);

}  // namespace alloy::detail
