// SPDX-License-Identifier: Apache-2.0
#include "models/detail/config_parts.hpp"

#include <alloy/core/json.hpp>
#include <alloy/io/atomic_write.hpp>
#include <alloy/io/file.hpp>
#include <alloy/io/module_state.hpp>

namespace alloy::detail {

namespace {

constexpr uint64_t kMaxConfigBytes = 16u << 20;

}  // namespace

void check_members(const Config& config, const std::string& path, const std::vector<std::string>& known) {
  for (const auto& member : config.as_object(path))
    check<ConfigError>(std::ranges::find(known, member.first) != known.end(), "{}/{}: unknown option, known: {}", {path, member.first, known});
}

void check_header(const Config& config, const std::string& where, std::string_view type) {
  const std::string& got = config.at("model_type", where).as_string(where + "/model_type");
  check<ConfigError>(got == type, "{}/model_type: expected '{}', got '{}'", {where, type, got});
  const int64_t version = config.at("format_version", where).as_int(where + "/format_version");
  check<ConfigError>(version == kModelFormatVersion, "{}/format_version: expected {}, got {}; this is alloy's format of {} version",
                     {where, kModelFormatVersion, version, version > kModelFormatVersion ? "a newer" : "no known"});
}

Config modality_to_config(const std::string& name, const Encoder& encoder, std::span<const ModalityInfo> infos) {
  Config entry = Config::object();
  entry.set("name", name);
  for (const ModalityInfo& info : infos) {
    if (info.name != name) continue;
    entry.set("kind", info.kind);
    entry.set("preprocess", info.preprocess);
  }
  entry.set("encoder", part_to_config(encoder.record(), encoder_registry(), "encoder '" + name + "'", "encoder_registry"));
  return entry;
}

Handle<Encoder> encoder_from_config(const Config& entry, const std::string& path) {
  const Config& encoder = entry.at("encoder", path);
  const Config* options = encoder.find("options");
  return encoder_registry().create(encoder.at("type", path + "/encoder").as_string(path + "/encoder/type"), options != nullptr ? *options : Config(),
                                   path + "/encoder/options");
}

void read_modality_info(std::vector<ModalityInfo>& infos, const Config& entry, const std::string& name, const std::string& path) {
  const Config* kind = entry.find("kind");
  if (kind == nullptr) return;
  const Config* preprocess = entry.find("preprocess");
  infos.push_back({name, kind->as_string(path + "/kind"), preprocess != nullptr ? *preprocess : Config()});
}

Config read_model_config(const std::filesystem::path& folder) {
  recover_folder(folder);
  const auto file = folder / "config.json";
  std::error_code ignored;
  check<IoError>(std::filesystem::exists(file, ignored) || !std::filesystem::exists(folder / "model" / "config.json", ignored),
                 "[load_model] expected a model folder, got '{}', which has no config.json; did you mean '{}'?", {folder, folder / "model"});
  return parse_json(read_text_file(file, kMaxConfigBytes), file.string());
}

void write_model_folder(const std::filesystem::path& folder, const Config& config, const torch::nn::Module& module) {
  const std::string text = to_json(config) + "\n";
  replace_folder(folder, [&](const std::filesystem::path& temporary) {
    write_file(temporary / "config.json", text);
    save_module(temporary / "model.safetensors", module, {{"format", "pt"}});
  });
}

}  // namespace alloy::detail
