// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What a safetensors file says it holds, read and checked without reading the tensors: to list a file, or to compare it
/// with a model before anything is loaded.

#include <alloy/core/export.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace alloy {

/// One tensor of a file. `begin` and `end` count bytes from the start of the data.
struct TensorInfo {
  std::string name;
  std::string dtype;  ///< as in the file: F32, BF16, I64 ...
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0;
};

using SafetensorsMetadata = std::vector<std::pair<std::string, std::string>>;

struct SafetensorsHeader {
  std::vector<TensorInfo> tensors;  ///< in the order of the header
  SafetensorsMetadata metadata;
  uint64_t data_start = 0;  ///< where in the file the data begins
};

/// Everything is checked: lengths, names, dtypes, shapes against offsets, no overlap, no hole, nothing behind the last
/// tensor. At most 100 MB of header, 100,000 tensors, rank 64, names of 4,096 bytes.
/// @throws DataError that says what is wrong with the file; IoError if it cannot be read
ALLOY_API SafetensorsHeader read_safetensors_header(const std::filesystem::path& path);

}  // namespace alloy
