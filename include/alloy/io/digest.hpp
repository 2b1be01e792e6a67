// SPDX-License-Identifier: Apache-2.0
#pragma once

/// SHA-256 (FIPS 180-4) as 64 hexadecimal digits: tells whether a file is what was once written.

#include <alloy/core/export.hpp>

#include <filesystem>
#include <string>
#include <string_view>

namespace alloy {

ALLOY_API std::string sha256(std::string_view bytes);
/// Of a whole file, read in pieces. @throws IoError if it cannot be read
ALLOY_API std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace alloy
