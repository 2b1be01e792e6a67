// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What the jobs of fusion and of contrast have in common.

#include <alloy/core/config.hpp>
#include <alloy/core/tensor.hpp>
#include <alloy/io/manifest.hpp>

#include <filesystem>

namespace alloy::detail {

inline std::filesystem::path under(const std::filesystem::path& folder, const std::filesystem::path& path) {
  return path.is_absolute() || folder.empty() ? path : folder / path;
}

/// An encoder for a kind where the config names none.
/// @param example  a sample of features; other kinds need none
Config default_encoder(const std::string& kind, const Config& preprocess, int64_t dim, const Tensor& example = {});

/// Rows of a manifest whose split is `name`; all of them where there is no such column.
Manifest rows_of_split(const Manifest& manifest, const std::string& name);
/// Moves a seeded share of the rows from one manifest to another.
Manifest split_off(Manifest& manifest, double share, int64_t seed);
/// A misspelt split would silently take its rows out of the training. @throws DataError
void check_splits(const Manifest& manifest);

/// @throws ConfigError unless `name` may be a modality and `kind` is known
void check_modality(const std::string& name, const std::string& kind, const std::string& path);

}  // namespace alloy::detail
