// SPDX-License-Identifier: Apache-2.0
#include "train/detail/zero_shot_validation.hpp"

#include "train/detail/contrastive_data.hpp"
#include "train/detail/job_parts.hpp"

#include <alloy/data/manifest_dataset.hpp>
#include <alloy/eval/zero_shot.hpp>

#include <algorithm>

namespace alloy::detail {

namespace {

const ModalityInfo& info_of(const SavedJoint& saved, const std::string& name, const char* option) {
  std::vector<std::string> known;
  for (const ModalityInfo& info : saved.modalities) {
    if (info.name == name) return info;
    known.push_back(info.name);
  }
  fail<ConfigError>("/zero_shot/{}: expected one of the modalities {}, got '{}'", {option, known, name});
}

const ModalityInfo& classified(const ZeroShotJobOptions& o, const SavedJoint& saved) {
  if (!o.modality.empty()) return info_of(saved, o.modality, "modality");
  const auto other = std::ranges::find_if(saved.modalities, [&](const ModalityInfo& info) { return info.name != o.prompts; });
  check<ConfigError>(other != saved.modalities.end(), "/zero_shot/modality: expected a modality beside the prompts' '{}', got none", {o.prompts});
  return *other;
}

std::string column_of(const ZeroShotJobOptions& o, const std::string& modality, const std::vector<JobModality>& modalities) {
  if (!o.column.empty()) return o.column;
  const auto trained = std::ranges::find(modalities, modality, &JobModality::name);
  return trained == modalities.end() || trained->column.empty() ? modality : trained->column;
}

size_t place_of(const Manifest& manifest, const std::string& column, const char* option) {
  check<ConfigError>(manifest.has_column(column), "/zero_shot/{}: expected one of the columns {} of {}, got '{}'", {option, manifest.columns, manifest.source, column});
  return static_cast<size_t>(manifest.column(column));
}

/// The modality under its name and the classes as `label`, of the rows that have the modality.
Manifest arrange(const ZeroShotJobOptions& o, const Manifest& from, const std::string& modality, const std::string& column) {
  const size_t values = place_of(from, column, "column"), labels = place_of(from, o.label, "label");
  const size_t splits = o.split.empty() ? 0 : place_of(from, "split", "split");
  Manifest to{.columns = {modality, "label"}, .rows = {}, .folder = from.folder, .source = from.source, .lines = {}};
  for (int64_t i = 0; i < from.num_rows(); ++i) {
    const auto& row = from.rows[static_cast<size_t>(i)];
    if (row[values].empty() || (!o.split.empty() && row[splits] != o.split)) continue;
    to.rows.push_back({row[values], row[labels]});
    if (!from.lines.empty()) to.lines.push_back(from.lines[static_cast<size_t>(i)]);
  }
  check<DataError>(!to.rows.empty(), "[{}] expected rows with '{}'{} for zero-shot accuracy, got none", {from.source, column, o.split.empty() ? "" : " whose split is '" + o.split + "'"});
  return to;
}

}  // namespace

ZeroShotValidation::ZeroShotValidation(const ContrastiveJobOptions& options, const std::vector<JobModality>& modalities, const SavedJoint& saved, const std::filesystem::path& folder)
    : every_(options.zero_shot.every), prompts_modality_(options.zero_shot.prompts) {
  const ZeroShotJobOptions& o = options.zero_shot;
  const ModalityInfo &texts = info_of(saved, o.prompts, "prompts"), &info = classified(o, saved);
  check<ConfigError>(texts.kind.find("text") != std::string::npos, "/zero_shot/prompts: expected a modality of texts, got '{}' of the kind {}", {o.prompts, texts.kind});
  modality_ = info.name;
  prompt_reader_ = make_modality_reader(texts.kind, texts.preprocess, "/modalities/" + texts.name + "/preprocess");

  const Manifest manifest = arrange(o, read_job_manifest(options, under(folder, o.data)), modality_, column_of(o, modality_, modalities));
  prompts_.labels = !o.labels_file.empty() ? read_prompt_file(under(folder, o.labels_file)) : !o.labels.empty() ? o.labels : manifest_labels(manifest, Task::classification);
  prompts_.templates = o.templates_file.empty() ? o.templates : read_prompt_file(under(folder, o.templates_file));
  prompts_.batch_size = options.batch_size;
  prompts_.validate();

  ModalityMap<std::shared_ptr<const ModalityReader>> readers;
  readers.insert(modality_, make_modality_reader(info.kind, info.preprocess, "/modalities/" + info.name + "/preprocess"));
  const ManifestDatasetOptions reading{.labels = prompts_.labels, .alternatives = options.alternatives, .choice = AlternativeChoice::first};
  loader_ = std::make_unique<Loader>(std::make_shared<ManifestDataset>(manifest, std::move(readers), reading),
                                     LoaderOptions{.batch_size = options.batch_size, .shuffle = false, .drop_last = false, .workers = options.workers, .bad_sample_limit = options.bad_sample_limit});
}

std::vector<std::pair<std::string, double>> ZeroShotValidation::scores(const JointEmbedding& model, const CancelToken& cancel) {
  const ZeroShotClassifier classifier(model, prompts_from_texts(model, prompts_modality_, *prompt_reader_, prompts_, cancel));
  loader_->start(0);
  const EmbeddedSet set = embed_all(model, *loader_, {.only = {modality_}, .cancel = cancel});
  const ZeroShotScores found = zero_shot_scores(classifier, modality_, set, {.resamples = 1});
  std::vector<std::pair<std::string, double>> values{{modality_ + " zero-shot top1", found.top1.score.value}};
  if (found.labels > 5) values.emplace_back(modality_ + " zero-shot top5", found.top5.score.value);
  return values;
}

}  // namespace alloy::detail
