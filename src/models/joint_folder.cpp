// SPDX-License-Identifier: Apache-2.0
#include <alloy/models/joint_folder.hpp>

#include "models/detail/config_parts.hpp"

#include <alloy/io/module_state.hpp>
#include <alloy/models/builtins.hpp>

namespace alloy {

namespace {

constexpr std::string_view kModelType = "alloy_joint";

}  // namespace

Config joint_to_config(const SavedJoint& saved) {
  register_builtins();
  const JointEmbedding& model = saved.model;
  Config::Array modalities;
  for (const std::string& name : model->modalities()) {
    if (model->view_of(name) != name) modalities.push_back(Config::object({{"name", Config(name)}, {"view_of", Config(model->view_of(name))}}));
    else modalities.push_back(detail::modality_to_config(name, *model->encoder(name), saved.modalities));
  }
  Config config = Config::object();
  config.set("model_type", std::string(kModelType));
  config.set("format_version", kModelFormatVersion);
  config.set("options", to_config(model->options()));
  config.set("modalities", std::move(modalities));
  return config;
}

SavedJoint joint_from_config(const Config& config, const std::string& where) {
  register_builtins();
  detail::check_header(config, where, kModelType);
  detail::check_members(config, where, {"model_type", "format_version", "options", "modalities"});
  const Config* options = config.find("options");
  SavedJoint saved{.model = JointEmbedding(from_config<JointEmbeddingOptions>(options != nullptr ? *options : Config(), where + "/options"))};
  size_t place = 0;
  for (const Config& entry : config.at("modalities", where).as_array(where + "/modalities")) {
    const std::string path = where + "/modalities/" + std::to_string(place++);
    const std::string& name = entry.at("name", path).as_string(path + "/name");
    if (const Config* of = entry.find("view_of")) {
      detail::check_members(entry, path, {"name", "view_of"});
      saved.model->add_view(name, of->as_string(path + "/view_of"));
      continue;
    }
    detail::check_members(entry, path, {"name", "kind", "encoder", "preprocess"});
    saved.model->add(name, detail::encoder_from_config(entry, path));
    detail::read_modality_info(saved.modalities, entry, name, path);
  }
  saved.model->objective();  // its scales are weights too
  return saved;
}

void save_model(const std::filesystem::path& folder, const SavedJoint& saved) {
  check<ConfigError>(!saved.model.is_empty(), "[save_model] expected a model, got none");
  JointEmbedding(saved.model)->objective();
  detail::write_model_folder(folder, joint_to_config(saved), *saved.model);
}

SavedJoint load_joint_model(const std::filesystem::path& folder) {
  SavedJoint saved = joint_from_config(detail::read_model_config(folder), (folder / "config.json").string() + ":");
  load_module(folder / "model.safetensors", *saved.model);
  saved.model->eval();
  return saved;
}

std::string model_type_of(const std::filesystem::path& folder) {
  const std::string where = (folder / "config.json").string() + ":";
  return detail::read_model_config(folder).at("model_type", where).as_string(where + "/model_type");
}

}  // namespace alloy
