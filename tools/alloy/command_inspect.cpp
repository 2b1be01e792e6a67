// SPDX-License-Identifier: Apache-2.0
#include "commands.hpp"
#include "console.hpp"

#include <alloy/core/json.hpp>
#include <alloy/io/atomic_write.hpp>
#include <alloy/io/file.hpp>
#include <alloy/io/safetensors_header.hpp>

#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace alloy::tool {

namespace {

int64_t count_of(const TensorInfo& tensor) {
  int64_t count = 1;
  for (const int64_t size : tensor.shape) count *= size;
  return count;
}

Config as_config(const SafetensorsHeader& header) {
  Config::Array tensors;
  int64_t parameters = 0;
  for (const TensorInfo& t : header.tensors) {
    Config entry = Config::object();
    entry.set("name", t.name);
    entry.set("dtype", t.dtype);
    entry.set("shape", Config::Array(t.shape.begin(), t.shape.end()));
    tensors.push_back(std::move(entry));
    parameters += count_of(t);
  }
  Config result = Config::object();
  result.set("values", parameters);
  result.set("tensors", std::move(tensors));
  return result;
}

}  // namespace

void add_inspect(CLI::App& app) {
  struct Given {
    std::filesystem::path path;
    bool json = false;
  };
  auto given = std::make_shared<Given>();
  CLI::App* command = app.add_subcommand("inspect", "What a safetensors file or a model folder holds: tensors, shapes, dtypes, number of values");
  command->add_option("path", given->path, "a .safetensors file or a model folder")->required();
  command->add_flag("--json", given->json, "as JSON");
  command->callback([given] {
    const bool folder = std::filesystem::is_directory(given->path);
    if (folder) recover_folder(given->path);
    const auto header = read_safetensors_header(folder ? given->path / "model.safetensors" : given->path);
    Config result = as_config(header);
    if (folder) result.set("config", parse_json(read_text_file(given->path / "config.json", 16u << 20), (given->path / "config.json").string()));
    if (given->json) {
      fmt::print("{}\n", to_json(result));
      return;
    }
    if (const Config* config = result.find("config")) fmt::print("{}\n\n", to_json(*config));
    Table table({"tensor", "dtype", "shape", "values"});
    for (const TensorInfo& t : header.tensors) table.add({t.name, t.dtype, fmt::format("[{}]", fmt::join(t.shape, ", ")), count_text(count_of(t))});
    fmt::print("{}\n{} tensors, {} values\n", table.text(), header.tensors.size(), count_text(result.at("values").as_int()));
  });
}

}  // namespace alloy::tool
