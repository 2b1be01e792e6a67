// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The text of a safetensors header, without files and without LibTorch.

#include <alloy/io/file.hpp>
#include <alloy/io/safetensors_header.hpp>

#include <string_view>

namespace alloy::detail {

/// @param text  the JSON between the length field and the data
/// @param data_size  bytes behind it
/// @param where  for messages
/// @throws DataError
ALLOY_API SafetensorsHeader parse_safetensors_header(std::string_view text, uint64_t data_size, std::string_view where);

/// Of a file that stays open, so that header and data are of one file even if another takes its path meanwhile.
SafetensorsHeader read_safetensors_header(const InputFile& file);

/// Length field and JSON, padded with spaces to a multiple of 8 bytes.
/// @throws DataError if the result would not be read back
std::string safetensors_header_text(const SafetensorsHeader& header, std::string_view where);

/// Place of a dtype in the order of the format's data, narrow to wide, or -1 for an unknown one.
int safetensors_dtype_rank(std::string_view dtype);

}  // namespace alloy::detail
