// SPDX-License-Identifier: Apache-2.0
#include "train/detail/contrastive_data.hpp"

#include "train/detail/job_parts.hpp"

#include <alloy/core/json.hpp>
#include <alloy/data/manifest_dataset.hpp>
#include <alloy/data/modality_reader.hpp>
#include <alloy/data/shapes.hpp>
#include <alloy/data/shard_dataset.hpp>
#include <alloy/io/digest.hpp>

#include <algorithm>

namespace alloy::detail {

namespace {

namespace fs = std::filesystem;
using Readers = ModalityMap<std::shared_ptr<const ModalityReader>>;

constexpr int64_t kExampleTries = 1000;

Readers readers_of(const std::vector<JobModality>& modalities, bool augmented) {
  Readers readers;
  for (const JobModality& m : modalities) {
    const std::string path = "/modalities/" + m.name;
    readers.insert(m.name, augmented ? make_augmenting_reader(m.kind, m.preprocess, m.augment, path + "/preprocess", path + "/augment")
                                     : make_modality_reader(m.kind, m.preprocess, path + "/preprocess"));
  }
  return readers;
}

// ---------------------------------------------------------------------------------------------------------- manifests

/// What equal ids come from: the column asked for, else `id`, else the first text.
std::string group_column(const ContrastiveJobOptions& o, const std::vector<JobModality>& modalities, const Manifest& manifest) {
  if (!o.group_by.empty()) return o.group_by;
  if (manifest.has_column("id")) return "id";
  for (const JobModality& m : modalities)
    if (m.kind.find("text") != std::string::npos) return m.column.empty() ? m.name : m.column;
  return {};
}

/// A manifest with a column for each modality under its name, an `id` and the `split`: two modalities may read one column.
Manifest arrange(const ContrastiveJobOptions& o, const Manifest& from, const std::vector<JobModality>& modalities) {
  std::vector<int64_t> sources;
  Manifest to{.columns = {}, .rows = {}, .folder = from.folder, .source = from.source, .lines = from.lines};
  const auto take = [&](const std::string& name, const std::string& column) {
    to.columns.push_back(name);
    sources.push_back(from.column(column));
  };
  for (const JobModality& m : modalities) take(m.name, m.column.empty() ? m.name : m.column);
  if (const std::string group = group_column(o, modalities, from); !group.empty()) take("id", group);
  if (from.has_column("split")) take("split", "split");
  for (const auto& row : from.rows) {
    auto& cells = to.rows.emplace_back();
    for (const int64_t source : sources) cells.push_back(row[static_cast<size_t>(source)]);
  }
  return to;
}

std::shared_ptr<const Dataset> dataset_of(const ContrastiveJobOptions& o, const Manifest& manifest, const std::vector<JobModality>& modalities, bool train) {
  return std::make_shared<ManifestDataset>(manifest, readers_of(modalities, train),
                                           ManifestDatasetOptions{.alternatives = o.alternatives, .choice = train ? AlternativeChoice::random : AlternativeChoice::first});
}

ContrastiveData open_manifest(const ContrastiveJobOptions& o, const std::vector<JobModality>& modalities, const fs::path& folder) {
  const fs::path file = under(folder, o.data);
  const Manifest all = arrange(o, read_job_manifest(o, file), modalities);
  check_splits(all);
  Manifest train = rows_of_split(all, "train"), valid = all.select({});
  if (!o.valid_data.empty()) valid = arrange(o, read_job_manifest(o, under(folder, o.valid_data)), modalities);
  else if (all.has_column("split")) valid = rows_of_split(all, "valid");
  if (valid.rows.empty() && o.valid_share > 0) valid = split_off(train, o.valid_share, o.training.seed);
  check<DataError>(!train.rows.empty(), "[{}] expected rows to train on, got none; with a split column, training rows say train", {o.data});
  ContrastiveData data{.train = dataset_of(o, train, modalities, true), .valid = valid.rows.empty() ? nullptr : dataset_of(o, valid, modalities, false), .digest = sha256_of_file(file)};
  for (const JobModality& m : modalities) {
    const int64_t column = train.column(m.name);
    data.present[m.name] = std::ranges::count_if(train.rows, [&](const auto& row) { return !row[static_cast<size_t>(column)].empty(); });
  }
  return data;
}

// ------------------------------------------------------------------------------------------------------------- shards

std::string usual_extensions(const JobModality& m) {
  if (m.kind == "image") return "jpg;jpeg;png;webp";
  if (m.kind == "audio") return "wav;flac;ogg";
  if (m.kind == "features") return "npy;npz";
  return "txt;caption";
}

std::shared_ptr<const ShardDataset> shards_of(const ContrastiveJobOptions& o, const std::string& shards, const std::vector<JobModality>& modalities, const fs::path& folder, bool train) {
  ShardDatasetOptions options{.shards = {under(folder, shards).string()}, .shuffle_buffer = o.shuffle_buffer, .allow_missing = o.allow_missing};
  for (const JobModality& m : modalities) options.modalities.push_back({.name = m.name, .extensions = m.extensions.empty() ? usual_extensions(m) : m.extensions, .kind = m.kind});
  return std::make_shared<ShardDataset>(options, readers_of(modalities, train));
}

ContrastiveData open_shards(const ContrastiveJobOptions& o, const std::vector<JobModality>& modalities, const fs::path& folder) {
  const auto train = shards_of(o, o.data, modalities, folder, true);
  ContrastiveData data{.train = train, .valid = o.valid_data.empty() ? nullptr : shards_of(o, o.valid_data, modalities, folder, false), .skipped = train->skipped()};
  std::string names;
  for (const fs::path& shard : train->shards()) names += shard.filename().string() + " " + std::to_string(fs::file_size(shard)) + "\n";
  data.digest = sha256(names);
  return data;
}

// ---------------------------------------------------------------------------------------------------------- synthetic

ContrastiveData open_shapes(const ContrastiveJobOptions& o, const std::vector<JobModality>& modalities) {
  ShapesDatasetOptions shapes{.samples = o.synthetic_samples, .seed = o.training.seed, .image = {}, .text = {}};
  for (const JobModality& m : modalities) {
    if (m.kind == "image") shapes.image = m.name, shapes.transform = from_config<ImageTransformOptions>(m.preprocess, "/modalities/" + m.name + "/preprocess");
    else if (m.kind == "text" || m.kind == "hashed_text") shapes.text = m.name, shapes.text_kind = m.kind, shapes.text_options = m.preprocess;
    else fail<ConfigError>("/modalities/{}/kind: expected image or text with synthetic data, got '{}'", {m.name, m.kind});
  }
  ContrastiveData data{.train = std::make_shared<ShapesDataset>(shapes), .digest = sha256(to_json(to_config(shapes)))};
  shapes.samples = static_cast<int64_t>(o.valid_share * static_cast<double>(o.synthetic_samples));
  shapes.seed += 1;
  if (shapes.samples > 1) data.valid = std::make_shared<ShapesDataset>(shapes);
  return data;
}

DatasetType type_of(const ContrastiveJobOptions& o) {
  if (o.dataset_type != DatasetType::automatic) return o.dataset_type;
  const std::string extension = fs::path(o.data).extension().string();
  const bool manifest = extension == ".csv" || extension == ".tsv" || extension == ".jsonl" || !o.separator.empty();
  return manifest ? DatasetType::csv : DatasetType::webdataset;
}

}  // namespace

Tensor ContrastiveData::example(const std::string& name) const {
  for (int64_t index = 0; index < std::min(train->size(), kExampleTries); ++index) {
    Random random(0);
    try {
      const Sample sample = train->get(index, random);
      if (const Tensor* values = sample.values.find(name)) return *values;
    } catch (const Error&) {
      continue;  // the loader counts and reports what cannot be used
    }
  }
  fail<DataError>("[ContrastiveJob] expected a sample with '{}' to see its width, got none among the first {}", {name, std::min(train->size(), kExampleTries)});
}

Manifest read_job_manifest(const ContrastiveJobOptions& options, const fs::path& path) {
  return options.separator.empty() ? read_manifest(path) : read_separated(path, options.separator.front());
}

ContrastiveData open_contrastive_data(const ContrastiveJobOptions& options, const std::vector<JobModality>& modalities, const fs::path& folder) {
  switch (type_of(options)) {
    case DatasetType::synthetic: return open_shapes(options, modalities);
    case DatasetType::webdataset: return open_shards(options, modalities, folder);
    default: return open_manifest(options, modalities, folder);
  }
}

std::vector<JobModality> synthetic_modalities() {
  return {{.name = "image", .kind = "image", .preprocess = to_config(ImageTransformOptions{.size = 32})}, {.name = "text", .kind = "text", .preprocess = to_config(ByteTokenizerOptions{.max_length = 48})}};
}

}  // namespace alloy::detail
