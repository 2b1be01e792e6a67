// SPDX-License-Identifier: Apache-2.0
#include <alloy/models/model_folder.hpp>

#include <alloy/core/json.hpp>
#include <alloy/core/registry.hpp>
#include <alloy/io/atomic_write.hpp>
#include <alloy/io/file.hpp>
#include <alloy/io/module_state.hpp>
#include <alloy/models/builtins.hpp>

namespace alloy {

namespace {

constexpr uint64_t kMaxConfigBytes = 16u << 20;
constexpr std::string_view kModelType = "alloy_fusion";

/// {type, options} of a recorded module.
template <class Base>
Config part_to_config(const ModuleRecord& record, const Registry<Base>& registry, std::string_view what, std::string_view registry_name) {
  check<ConfigError>(!record.type.empty(), "[save_model] expected {} made by its holder, got one made by make_shared; construct it by its holder", {what});
  check<ConfigError>(registry.contains(record.type), "[save_model] expected a registered type for {}, got '{}'; call {}().add<YourImpl>() once at start",
                     {what, record.type, registry_name});
  Config config = Config::object();
  config.set("type", record.type);
  config.set("options", record.options);
  return config;
}

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

void check_members(const Config& config, const std::string& path, const std::vector<std::string>& known) {
  for (const auto& member : config.as_object(path))
    check<ConfigError>(std::ranges::find(known, member.first) != known.end(), "{}/{}: unknown option, known: {}", {path, member.first, known});
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
  for (const auto& [name, encoder] : model->encoders()) {
    Config entry = Config::object();
    entry.set("name", name);
    for (const ModalityInfo& info : saved.modalities) {
      if (info.name != name) continue;
      entry.set("kind", info.kind);
      entry.set("preprocess", info.preprocess);
    }
    entry.set("encoder", part_to_config(encoder->record(), encoder_registry(), "encoder '" + name + "'", "encoder_registry"));
    modalities.push_back(std::move(entry));
  }
  config.set("modalities", std::move(modalities));
  config.set("fusion", fusion_to_config(model->fusion()));
  return config;
}

SavedModel model_from_config(const Config& config, const std::string& where) {
  register_builtins();
  check_members(config, where, {"model_type", "format_version", "task", "outputs", "project", "labels", "modalities", "fusion"});
  const std::string& type = config.at("model_type", where).as_string(where + "/model_type");
  check<ConfigError>(type == kModelType, "{}/model_type: expected '{}', got '{}'", {where, kModelType, type});
  const int64_t version = config.at("format_version", where).as_int(where + "/format_version");
  check<ConfigError>(version == kModelFormatVersion, "{}/format_version: expected {}, got {}; this is alloy's format of {} version",
                     {where, kModelFormatVersion, version, version > kModelFormatVersion ? "a newer" : "no known"});
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
    const Config& encoder = entry.at("encoder", path);
    const Config* encoder_options = encoder.find("options");
    saved.model->add(name, encoder_registry().create(encoder.at("type", path + "/encoder").as_string(path + "/encoder/type"),
                                                     encoder_options != nullptr ? *encoder_options : Config(), path + "/encoder/options"));
    const Config* kind = entry.find("kind");
    if (kind == nullptr) continue;
    const Config* preprocess = entry.find("preprocess");
    saved.modalities.push_back({name, kind->as_string(path + "/kind"), preprocess != nullptr ? *preprocess : Config()});
  }
  return saved;
}

void save_model(const std::filesystem::path& folder, const SavedModel& saved) {
  check<ConfigError>(!saved.model.is_empty(), "[save_model] expected a model, got none");
  const std::string config = to_json(model_to_config(saved)) + "\n";
  replace_folder(folder, [&](const std::filesystem::path& temporary) {
    write_file(temporary / "config.json", config);
    save_module(temporary / "model.safetensors", *saved.model, {{"format", "pt"}});
  });
}

SavedModel load_model(const std::filesystem::path& folder) {
  recover_folder(folder);
  const auto config_file = folder / "config.json";
  std::error_code ignored;
  check<IoError>(std::filesystem::exists(config_file, ignored) || !std::filesystem::exists(folder / "model" / "config.json", ignored),
                 "[load_model] expected a model folder, got '{}', which has no config.json; did you mean '{}'?", {folder, folder / "model"});
  const Config config = parse_json(read_text_file(config_file, kMaxConfigBytes), config_file.string());
  SavedModel saved = model_from_config(config, config_file.string() + ":");
  load_module(folder / "model.safetensors", *saved.model);
  saved.model->eval();
  return saved;
}

}  // namespace alloy
