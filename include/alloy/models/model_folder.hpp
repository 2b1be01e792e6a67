// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A model in a folder: `config.json` says what it is made of, `model.safetensors` holds its weights. Written so that a
/// crash leaves the old folder or the new one, and readable in Python.

#include <alloy/models/fusion_model.hpp>
#include <alloy/models/modality_info.hpp>

#include <filesystem>

namespace alloy {

/// A model with all that is needed to use it on files.
struct SavedModel {
  FusionModel model = nullptr;
  std::vector<std::string> labels;       ///< names of the outputs, or empty
  std::vector<ModalityInfo> modalities;  ///< in the order of the fusion
};

/// @throws ConfigError if an encoder or fusion is not registered (with the line that registers it), if labels do not fit
///         the outputs; IoError as replace_folder
ALLOY_API void save_model(const std::filesystem::path& folder, const SavedModel& saved);
/// @throws IoError if a file is missing; DataError or ConfigError naming what is wrong in it: another format version,
///         an unknown type or option, weights that do not fit. Nothing is half loaded.
ALLOY_API SavedModel load_model(const std::filesystem::path& folder);

/// The parts of a model from its config: what `config.json` holds, also used by `alloy train fusion`.
ALLOY_API SavedModel model_from_config(const Config& config, const std::string& where);
ALLOY_API Config model_to_config(const SavedModel& saved);

}  // namespace alloy
