// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Names of the labels of an atlas: a line each, the value in the volume, then the name, as `aal.nii.txt` beside `aal.nii.gz`.

#include <alloy/core/export.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace alloy {

struct AtlasLabel {
  int64_t value = 0;  ///< in the volume, >= 0
  std::string name;
};

/// Lines of value, spaces or tabs, and a name without spaces; what follows the name is not read, nor are empty lines and those
/// that start with `#`. At most 1 MiB and 65,536 labels.
/// @throws DataError naming the line that is not so, or that gives a value a second time; IoError if it cannot be read
ALLOY_API std::vector<AtlasLabel> read_label_table(const std::filesystem::path& path);
/// @param where  what the text is (a file name), for messages
ALLOY_API std::vector<AtlasLabel> parse_label_table(std::string_view text, std::string_view where);

}  // namespace alloy
