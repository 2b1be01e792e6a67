// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What the configs of all kinds of models have in common.

#include <alloy/core/registry.hpp>
#include <alloy/models/modality_info.hpp>

#include <filesystem>
#include <span>

namespace alloy::detail {

/// {type, options} of a recorded module.
template <class Base>
Config part_to_config(const ModuleRecord& record, const Registry<Base>& registry, std::string_view what, std::string_view registry_name) {
  check<ConfigError>(!record.type.empty(), "[save_model] expected {} made by its holder, got one made by make_shared; construct it by its holder", {what});
  check<ConfigError>(registry.contains(record.type), "[save_model] expected a registered type for {}, got '{}'; call {}().add<YourImpl>() once at start",
                     {what, record.type, registry_name});
  return Config::object({{"type", Config(record.type)}, {"options", record.options}});
}

/// @throws ConfigError for a member that is not known
void check_members(const Config& config, const std::string& path, const std::vector<std::string>& known);
/// Checks `model_type` and `format_version`.
void check_header(const Config& config, const std::string& where, std::string_view type);

/// An entry of `modalities`: name, kind and preprocess where they are known, encoder.
Config modality_to_config(const std::string& name, const Encoder& encoder, std::span<const ModalityInfo> infos);
Handle<Encoder> encoder_from_config(const Config& entry, const std::string& path);
/// Adds what an entry says of the modality outside the model.
void read_modality_info(std::vector<ModalityInfo>& infos, const Config& entry, const std::string& name, const std::string& path);

/// The config of a model folder.
/// @throws IoError that names the folder meant, if `folder` holds one below `model`
Config read_model_config(const std::filesystem::path& folder);
/// Writes config.json and model.safetensors, all or nothing.
void write_model_folder(const std::filesystem::path& folder, const Config& config, const torch::nn::Module& module);

}  // namespace alloy::detail
