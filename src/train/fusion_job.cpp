// SPDX-License-Identifier: Apache-2.0
#include <alloy/train/fusion_job.hpp>

#include "train/detail/job_parts.hpp"

#include <alloy/core/log.hpp>
#include <alloy/core/registry.hpp>
#include <alloy/data/manifest_dataset.hpp>
#include <alloy/data/modality_reader.hpp>
#include <alloy/models/builtins.hpp>

#include <algorithm>
#include <cmath>

namespace alloy {

using namespace detail;

namespace {

/// Removes a member of an object and gives it, or null.
Config take_member(Config& object, std::string_view name) {
  auto& members = object.as_object();
  const auto found = std::ranges::find(members, name, &Config::Member::first);
  if (found == members.end()) return {};
  Config value = std::move(found->second);
  members.erase(found);
  return value;
}

/// Members that a config leaves out where the options of the type have them.
template <class Base>
void fill_in(Config& options, const Registry<Base>& registry, const std::string& type, std::string_view name, Config value) {
  if (!registry.contains(type) || options.find(name) != nullptr) return;
  for (const OptionInfo& info : registry.entry(type).options)
    if (info.name == name) options.set(name, std::move(value));
}

Config complete_fusion(const Config& given, const std::vector<std::string>& names, int64_t dim) {
  Config fusion = given.is_null() ? Config::object({{"type", Config("gated")}}) : given;
  const std::string type = fusion.at("type", "/fusion").as_string("/fusion/type");
  for (const auto& member : fusion.as_object("/fusion"))
    check<ConfigError>(member.first == "type" || member.first == "options", "/fusion/{}: unknown option, known: type, options", {member.first});
  const Config* old = fusion.find("options");
  Config options = old != nullptr ? *old : Config::object();
  const Config list(Config::Array(names.begin(), names.end()));
  fill_in(options, fusion_registry(), type, "modalities", list);
  fill_in(options, decision_fusion_registry(), type, "modalities", list);
  fill_in(options, input_fusion_registry(), type, "modalities", list);
  fill_in(options, fusion_registry(), type, "dim", dim);
  fusion.set("options", options);
  return fusion;
}

/// The labels that the training rows have, in the order of the file.
std::vector<std::string> labels_of(const Manifest& train, const Manifest& all, Task task) {
  const auto used = manifest_labels(train, task);
  auto labels = manifest_labels(all, task);
  std::erase_if(labels, [&](const std::string& label) { return std::ranges::find(used, label) == used.end(); });
  return labels;
}

PresenceLeak warn_of_leak(const ManifestDataset& data, const std::filesystem::path& file) {
  const PresenceLeak leak = presence_leak(data.presence(), data.targets());
  if (leak.found)
    log_message(LogLevel::warning, format_message("[{}] which modalities a sample has tells its label: guessing by that alone is right for {} % of the samples, the most frequent "
                                                  "label for {} % (p = {}); the model may learn what is missing rather than what is there",
                                                  {file, std::round(1000 * leak.guess_accuracy) / 10, std::round(1000 * leak.majority_accuracy) / 10, leak.p_value}));
  return leak;
}

}  // namespace

void FusionJobOptions::validate() const {
  check<ConfigError>(!data.empty(), "/data: expected a manifest, got none");
  check<ConfigError>(!modalities.empty(), "/modalities: expected at least one {name, kind}, got none");
  check<ConfigError>(valid_share >= 0 && valid_share < 1, "/valid_share: expected 0..1, got {}", {valid_share});
  check<ConfigError>(dim > 0 && batch_size > 0 && workers >= 0, "/dim, /batch_size: expected values > 0, got {} and {}", {dim, batch_size});
  training.validate();
}

FusionJobResult run_fusion_job(const FusionJobOptions& options, const std::filesystem::path& folder, const TrainCallbacks& callbacks) {
  register_builtins();
  options.validate();
  const Manifest all = read_manifest(under(folder, options.data));
  check_splits(all);
  Manifest train = rows_of_split(all, "train"), valid = all.select({});
  if (!options.valid_data.empty()) valid = read_manifest(under(folder, options.valid_data));
  else if (all.has_column("split")) valid = rows_of_split(all, "valid");
  if (valid.rows.empty()) valid = split_off(train, options.valid_share, options.training.seed);
  check<DataError>(!train.rows.empty(), "[{}] expected rows to train on, got none; with a split column, training rows say train", {options.data});

  ManifestDatasetOptions data_options{.task = options.task, .labels = {}, .split = {}};
  int64_t outputs = 1;
  if (options.task != Task::regression) {
    data_options.labels = labels_of(train, all, options.task);
    outputs = static_cast<int64_t>(data_options.labels.size());
    check<DataError>(outputs >= (options.task == Task::classification ? 2 : 1), "[{}] expected at least two labels among the {} training rows, got {}", {options.data, train.num_rows(), data_options.labels});
  }

  ModalityMap<std::shared_ptr<const ModalityReader>> readers, train_readers;
  std::vector<std::string> names;
  Config::Array entries;
  for (size_t i = 0; i < options.modalities.size(); ++i) {
    const std::string path = "/modalities/" + std::to_string(i);
    Config entry = options.modalities[i];
    const std::string name = entry.at("name", path).as_string(path + "/name"), kind = entry.at("kind", path).as_string(path + "/kind");
    check_modality(name, kind, path);
    if (entry.find("preprocess") == nullptr) entry.set("preprocess", Config::object());
    const Config augment = take_member(entry, "augment");
    readers.insert(name, make_modality_reader(kind, entry.at("preprocess"), path + "/preprocess"));
    train_readers.insert(name, make_augmenting_reader(kind, entry.at("preprocess"), augment, path + "/preprocess", path + "/augment"));
    all.column(name);
    names.push_back(name);
    if (entry.find("encoder") == nullptr) {
      Tensor example;
      for (int64_t row = 0; kind == "features" && row < train.num_rows() && !example.defined(); ++row)
        if (!train.cell(row, name).empty()) example = readers.at(name)->read(train.cell(row, name), train.folder);
      check<DataError>(kind != "features" || (example.defined() && example.dim() >= 1), "[{}] expected features in the column '{}', got none", {options.data, name});
      entry.set("encoder", default_encoder(kind, entry.at("preprocess"), options.dim, example));
    }
    entries.push_back(std::move(entry));
  }
  const auto train_set = std::make_shared<ManifestDataset>(train, train_readers, data_options);
  if (options.task == Task::regression) {
    Random random(0);
    outputs = train_set->get(0, random).target.numel();
  }
  Config config = Config::object();
  config.set("model_type", "alloy_fusion");
  config.set("format_version", kModelFormatVersion);
  config.set("task", std::string(name_of(options.task)));
  config.set("outputs", outputs);
  config.set("project", "when_needed");
  config.set("labels", Config(Config::Array(data_options.labels.begin(), data_options.labels.end())));
  config.set("modalities", Config(std::move(entries)));
  config.set("fusion", complete_fusion(options.fusion, names, options.dim));
  seed_everything(mix_seed({static_cast<uint64_t>(options.training.seed), 0x696e69}));
  FusionJobResult result{.saved = model_from_config(config, "")};

  LoaderOptions loader{.batch_size = options.batch_size, .workers = options.workers, .seed = options.training.seed, .bad_sample_limit = options.bad_sample_limit};
  Loader train_loader(train_set, loader);
  result.train_samples = train_set->size();
  if (options.task == Task::classification) result.presence_leak = warn_of_leak(*train_set, options.data);
  Trainer trainer(result.saved.model, options.training);
  if (valid.rows.empty()) {
    result.history = trainer.fit(train_loader, nullptr, callbacks);
  } else {
    loader.shuffle = false;
    const auto valid_set = std::make_shared<ManifestDataset>(valid, readers, data_options);
    result.valid_samples = valid_set->size();
    Loader valid_loader(valid_set, loader);
    result.history = trainer.fit(train_loader, &valid_loader, callbacks);
  }
  result.skipped = train_loader.bad_samples();
  return result;
}

}  // namespace alloy
