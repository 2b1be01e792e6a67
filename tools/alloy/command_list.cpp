// SPDX-License-Identifier: Apache-2.0
#include "commands.hpp"
#include "console.hpp"

#include <alloy/core.hpp>
#include <alloy/data/modality_reader.hpp>
#include <alloy/models/builtins.hpp>
#include <alloy/train/fusion_job.hpp>

#include <fmt/format.h>

namespace alloy::tool {

namespace {

struct Listed {
  std::string name, stage;
  std::vector<OptionInfo> options;
};

template <class Base>
void collect(const Registry<Base>& registry, std::vector<Listed>& all) {
  for (const std::string& name : registry.names()) {
    const auto entry = registry.entry(name);
    all.push_back({name, entry.stage ? std::string(name_of(*entry.stage)) : "", entry.options});
  }
}

void print_json(const std::vector<Listed>& all) {
  Config::Array list;
  for (const Listed& item : all) {
    Config entry = Config::object();
    entry.set("name", item.name);
    if (!item.stage.empty()) entry.set("stage", item.stage);
    Config::Array options;
    for (const OptionInfo& o : item.options) {
      Config option = Config::object();
      option.set("name", o.name);
      option.set("type", o.type);
      option.set("default", o.default_value);
      option.set("description", o.description);
      options.push_back(std::move(option));
    }
    entry.set("options", std::move(options));
    list.push_back(std::move(entry));
  }
  fmt::print("{}\n", to_json(Config(std::move(list))));
}

void print_text(const std::vector<Listed>& all) {
  for (const Listed& item : all) {
    fmt::print("{}{}\n", item.name, item.stage.empty() ? "" : "  (" + item.stage + ")");
    for (const OptionInfo& o : item.options) fmt::print("    {} = {}  [{}]  {}\n", o.name, to_json(o.default_value, -1), o.type, o.description);
  }
}

}  // namespace

void add_list(CLI::App& app) {
  struct Given {
    std::string what;
    bool json = false;
  };
  auto given = std::make_shared<Given>();
  CLI::App* command = app.add_subcommand("list", "What there is, with every option, default and description");
  command->add_option("kind", given->what, "encoders, fusions, kinds (of modalities, with the options of `preprocess`), augment (their changes in training) or config (of `train fusion`)")
      ->required()
      ->check(CLI::IsMember({"encoders", "fusions", "kinds", "augment", "config"}));
  command->add_flag("--json", given->json, "as JSON");
  command->callback([given] {
    register_builtins();
    std::vector<Listed> all;
    if (given->what == "encoders") {
      collect(encoder_registry(), all);
    } else if (given->what == "kinds") {
      all = {{"image", "", option_infos<ImageTransformOptions>()},
             {"audio", "", option_infos<AudioReaderOptions>()},
             {"text", "", option_infos<ByteTokenizerOptions>()},
             {"features", "", option_infos<FeatureReaderOptions>()},
             {"hashed_text", "", option_infos<HashedNgramsOptions>()}};
    } else if (given->what == "augment") {
      all = {{"image", "", option_infos<ImageAugmentOptions>()},
             {"audio", "", option_infos<AudioAugmentOptions>()},
             {"text", "", option_infos<TextAugmentOptions>()},
             {"hashed_text", "", option_infos<TextAugmentOptions>()}};
    } else if (given->what == "config") {
      all = {{"config", "", option_infos<FusionJobOptions>()}, {"training", "", option_infos<TrainerOptions>()}};
    } else {
      collect(input_fusion_registry(), all);
      collect(fusion_registry(), all);
      collect(decision_fusion_registry(), all);
      const auto stage = [](const Listed& l) { return static_cast<int>(enum_from_name<FusionStage>(l.stage)); };
      std::ranges::stable_sort(all, {}, stage);
    }
    given->json ? print_json(all) : print_text(all);
  });
}

}  // namespace alloy::tool
