// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The names of a data set's shards, written short as in webdataset: `train-{000..009}.tar`.

#include <alloy/core/export.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace alloy {

/// `{000..009}` counts, up or down, with leading zeros where one end has them; `{train,valid}` lists; several in one name
/// are combined, the last one fastest. A folder gives its *.tar files, sorted. Other names stay as they are, whether
/// there is such a file or not.
/// @throws ConfigError for braces of another form, nested ones, more than a million names, and a folder without *.tar
ALLOY_API std::vector<std::filesystem::path> expand_shards(const std::vector<std::string>& names);

}  // namespace alloy
