// SPDX-License-Identifier: Apache-2.0
#include <alloy/models/model_folder.hpp>

#include "models/detail/config_parts.hpp"

#include <alloy/io/module_state.hpp>
#include <alloy/models/builtins.hpp>

namespace alloy {

using namespace detail;

namespace {

constexpr std::string_view kModelType = "alloy_fusion";

Config fusion_to_config(const AnyFusion& fusion) {
  if (fusion.feature()) return part_to_config(fusion.record(), fusion_registry(), "the fusion", "fusion_registry");
  if (fusion.decision()) return part_to_config(fusion.record(), decision_fusion_registry(), "the fusion", "decision_fusion_registry");
  return part_to_config(fusion.record(), input_fusion_registry(), "the fusion", "input_fusion_registry");
}

/// @throws ConfigError listing the fusions of all three kinds
AnyFusion fusion_from_config(const Config& config, const std::string& path) {
  const std::string& type = config.at("type", path).as_string(path + "/type");
  const Config* given = config.find("options");
  const Config options = given != nullptr ? *given : Config();
  const std::string place = path + "/options";
  if (fusion_registry().contains(type)) return fusion_registry().create(type, options, place);
  if (decision_fusion_registry().contains(type)) return decision_fusion_registry().create(type, options, place);
  if (input_fusion_registry().contains(type)) return input_fusion_registry().create(type, options, place);
  auto known = fusion_registry().names();
  for (const auto& more : {decision_fusion_registry().names(), input_fusion_registry().names()}) known.insert(known.end(), more.begin(), more.end());
  fail<ConfigError>("{}/type: unknown fusion '{}', known: {}", {path, type, known});
}

}  // namespace

Config model_to_config(const SavedModel& saved) {
  register_builtins();
  const FusionModel& model = saved.model;
  const auto& options = model->options();
  check<ConfigError>(saved.labels.empty() || static_cast<int64_t>(saved.labels.size()) == options.outputs,
                     "[save_model] expected {} labels or none, got {}", {options.outputs, saved.labels.size()});
  Config config = Config::object();
  config.set("model_type", std::string(kModelType));
  config.set("format_version", kModelFormatVersion);
  config.set("task", std::string(name_of(options.task)));
  config.set("outputs", options.outputs);
  config.set("project", std::string(name_of(options.project)));
  Config::Array labels(saved.labels.begin(), saved.labels.end());
  config.set("labels", std::move(labels));
  Config::Array modalities;
  for (const auto& [name, encoder] : model->encoders()) modalities.push_back(modality_to_config(name, *encoder, saved.modalities));
  config.set("modalities", std::move(modalities));
  config.set("fusion", fusion_to_config(model->fusion()));
  return config;
}

SavedModel model_from_config(const Config& config, const std::string& where) {
  register_builtins();
  check_header(config, where, kModelType);
  check_members(config, where, {"model_type", "format_version", "task", "outputs", "project", "labels", "modalities", "fusion"});
  FusionModelOptions options;
  options.task = enum_from_name<Task>(config.at("task", where).as_string(where + "/task"), where + "/task");
  options.outputs = config.at("outputs", where).as_int(where + "/outputs");
  if (const Config* project = config.find("project")) options.project = enum_from_name<Projection>(project->as_string(where + "/project"), where + "/project");
  SavedModel saved;
  if (const Config* labels = config.find("labels"))
    for (const Config& label : labels->as_array(where + "/labels")) saved.labels.push_back(label.as_string(where + "/labels"));
  check<ConfigError>(saved.labels.empty() || static_cast<int64_t>(saved.labels.size()) == options.outputs,
                     "{}/labels: expected {} labels or none, got {}", {where, options.outputs, saved.labels.size()});
  saved.model = FusionModel(fusion_from_config(config.at("fusion", where), where + "/fusion"), options);
  size_t place = 0;
  for (const Config& entry : config.at("modalities", where).as_array(where + "/modalities")) {
    const std::string path = where + "/modalities/" + std::to_string(place++);
    check_members(entry, path, {"name", "kind", "encoder", "preprocess"});
    const std::string& name = entry.at("name", path).as_string(path + "/name");
    saved.model->add(name, encoder_from_config(entry, path));
    read_modality_info(saved.modalities, entry, name, path);
  }
  return saved;
}

void save_model(const std::filesystem::path& folder, const SavedModel& saved) {
  check<ConfigError>(!saved.model.is_empty(), "[save_model] expected a model, got none");
  write_model_folder(folder, model_to_config(saved), *saved.model);
}

SavedModel load_model(const std::filesystem::path& folder) {
  SavedModel saved = model_from_config(read_model_config(folder), (folder / "config.json").string() + ":");
  load_module(folder / "model.safetensors", *saved.model);
  saved.model->eval();
  return saved;
}

}  // namespace alloy
