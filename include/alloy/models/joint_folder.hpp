// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A joint embedding in a folder, as `save_model` keeps a fusion model: `config.json` and `model.safetensors`.

#include <alloy/models/joint_embedding.hpp>
#include <alloy/models/modality_info.hpp>

#include <filesystem>

namespace alloy {

/// A joint embedding with all that is needed to use it on files.
struct SavedJoint {
  JointEmbedding model = nullptr;
  std::vector<ModalityInfo> modalities = {};  ///< of the modalities that have encoders; views are read as what they are views of
};

/// @throws ConfigError if an encoder is not registered (with the line that registers it); IoError as replace_folder
ALLOY_API void save_model(const std::filesystem::path& folder, const SavedJoint& saved);
/// In evaluation mode. @throws IoError if a file is missing; DataError or ConfigError naming what is wrong in it
ALLOY_API SavedJoint load_joint_model(const std::filesystem::path& folder);

/// `alloy_fusion`, `alloy_joint` or `alloy_speech`, so that a program knows what to load. @throws IoError, DataError, ConfigError
ALLOY_API std::string model_type_of(const std::filesystem::path& folder);

/// What `config.json` holds, also used by `alloy train contrastive`.
ALLOY_API SavedJoint joint_from_config(const Config& config, const std::string& where);
ALLOY_API Config joint_to_config(const SavedJoint& saved);

}  // namespace alloy
