// SPDX-License-Identifier: Apache-2.0
#include <alloy/train/contrastive_job.hpp>

#include "train/detail/contrastive_data.hpp"
#include "train/detail/job_parts.hpp"
#include "train/detail/zero_shot_validation.hpp"

#include <alloy/core/random.hpp>
#include <alloy/io/module_state.hpp>
#include <alloy/models/builtins.hpp>

#include <algorithm>

namespace alloy {

using namespace detail;

namespace {

JobModality* find(std::vector<JobModality>& modalities, const std::string& name) {
  const auto found = std::ranges::find(modalities, name, &JobModality::name);
  return found == modalities.end() ? nullptr : &*found;
}

/// Views take kind and preprocessing from what they are views of; modalities of a pretrained model from it.
std::vector<JobModality> complete(std::vector<JobModality> modalities, const SavedJoint& pretrained) {
  for (JobModality& m : modalities) {
    if (pretrained.model.is_empty()) break;
    for (const ModalityInfo& info : pretrained.modalities) {
      if (info.name != m.name) continue;
      check<ConfigError>(m.kind.empty() || m.kind == info.kind, "/modalities/{}/kind: expected '{}' as in the pretrained model, got '{}'", {m.name, info.kind, m.kind});
      check<ConfigError>(m.encoder.is_null(), "/modalities/{}/encoder: expected none, since the pretrained model has one", {m.name});
      m.kind = info.kind;
      if (m.preprocess.is_null()) m.preprocess = info.preprocess;
    }
  }
  for (JobModality& m : modalities) {
    if (m.view_of.empty()) continue;
    const JobModality* of = find(modalities, m.view_of);
    check<ConfigError>(of != nullptr && of->view_of.empty(), "/modalities/{}/view_of: expected a modality that is no view itself, got '{}'", {m.name, m.view_of});
    check<ConfigError>(m.encoder.is_null() && m.kind.empty() && m.preprocess.is_null(), "/modalities/{}: expected no kind, preprocess and encoder, since it is a view of '{}'", {m.name, m.view_of});
    m.kind = of->kind;
    m.preprocess = of->preprocess;
  }
  for (const JobModality& m : modalities) check_modality(m.name, m.kind, "/modalities/" + m.name);
  return modalities;
}

/// The encoder's config: that of the pretrained model, the one given, or a default.
Config encoder_config(const JobModality& m, const SavedJoint& pretrained, const ContrastiveData& data, int64_t dim) {
  if (!pretrained.model.is_empty() && pretrained.model->has(m.name)) {
    const ModuleRecord& record = pretrained.model->encoder(m.name)->record();
    return Config::object({{"type", Config(record.type)}, {"options", record.options}});
  }
  return m.encoder.is_null() ? default_encoder(m.kind, m.preprocess, dim, m.kind == "features" ? data.example(m.name) : Tensor()) : m.encoder;
}

/// Modalities of a pretrained model that the job does not train: they stay in the model as they are.
Config::Array kept_modalities(const SavedJoint& pretrained, const std::vector<JobModality>& modalities) {
  Config::Array kept;
  if (pretrained.model.is_empty()) return kept;
  const Config config = joint_to_config(pretrained);
  for (const Config& entry : config.at("modalities").as_array()) {
    const Config* of = entry.find("view_of");
    const std::string& name = entry.at("name").as_string();
    const bool trained = std::ranges::find(modalities, name, &JobModality::name) != modalities.end();
    if (!trained && of == nullptr) kept.push_back(entry);  // a view is of use in training alone
  }
  return kept;
}

SavedJoint make_model(const ContrastiveJobOptions& o, const std::vector<JobModality>& modalities, const SavedJoint& pretrained, const ContrastiveData& data) {
  Config::Array entries = kept_modalities(pretrained, modalities);
  for (const JobModality& m : modalities) {
    Config entry = Config::object({{"name", Config(m.name)}});
    if (!m.view_of.empty()) {
      entry.set("view_of", m.view_of);
    } else {
      entry.set("kind", m.kind);
      entry.set("preprocess", m.preprocess.is_null() ? Config::object() : m.preprocess);
      entry.set("encoder", encoder_config(m, pretrained, data, o.model.dim));
    }
    entries.push_back(std::move(entry));
  }
  Config config = Config::object();
  config.set("model_type", "alloy_joint");
  config.set("format_version", kModelFormatVersion);
  config.set("options", to_config(o.model));
  config.set("modalities", Config(std::move(entries)));
  seed_everything(mix_seed({static_cast<uint64_t>(o.training.seed), 0x696e69}));
  SavedJoint saved = joint_from_config(config, "");
  if (pretrained.model.is_empty()) return saved;
  check<ConfigError>(pretrained.model->options().dim == o.model.dim, "/model/dim: expected {} as in the pretrained model, got {}", {pretrained.model->options().dim, o.model.dim});
  load_state(*saved.model, module_state(*pretrained.model), {.missing = OnMissing::keep, .unexpected = OnUnexpected::ignore}, o.pretrained.string());
  return saved;
}

/// What the caller measures, and zero-shot accuracy when it is due.
auto measuring(std::shared_ptr<ZeroShotValidation> zero_shot, const ContrastiveCallbacks& callbacks) {
  return [zero_shot = std::move(zero_shot), own = callbacks.measure, cancel = callbacks.cancel](const JointEmbedding& model, int64_t epoch, int64_t epochs) {
    auto values = own ? own(model, epoch, epochs) : std::vector<std::pair<std::string, double>>();
    if (!zero_shot->due(epoch, epochs)) return values;
    for (auto& value : zero_shot->scores(model, cancel)) values.push_back(std::move(value));
    return values;
  };
}

}  // namespace

void ZeroShotJobOptions::validate() const {
  const bool asked = !labels.empty() || !labels_file.empty() || !templates.empty() || !templates_file.empty();
  check<ConfigError>(!data.empty() || !asked, "/zero_shot/data: expected a manifest for the labels or templates given, got none");
  check<ConfigError>(labels.empty() || labels_file.empty(), "/zero_shot: expected labels or labels_file, got both");
  check<ConfigError>(templates.empty() || templates_file.empty(), "/zero_shot: expected templates or templates_file, got both");
  check<ConfigError>(every > 0, "/zero_shot/every: expected a value > 0, got {}", {every});
}

void ContrastiveJobOptions::validate() const {
  const bool synthetic = dataset_type == DatasetType::synthetic;
  check<ConfigError>(synthetic == data.empty(), "/data: expected {}", {synthetic ? "none with synthetic data" : "a manifest or shards, got none; dataset_type synthetic needs none"});
  check<ConfigError>(modalities.size() >= 2 || (synthetic && modalities.empty()), "/modalities: expected at least two {name, kind}, got {}", {modalities.size()});
  check<ConfigError>(valid_share >= 0 && valid_share < 1, "/valid_share: expected 0..1, got {}", {valid_share});
  check<ConfigError>(batch_size > 0, "/batch_size: expected a value > 0, got {}", {batch_size});
  check<ConfigError>(workers >= 0 && shuffle_buffer > 0 && synthetic_samples > 1, "/workers, /shuffle_buffer, /synthetic_samples: expected values >= 0, > 0 and > 1, got {}, {} and {}",
                     {workers, shuffle_buffer, synthetic_samples});
  for (const auto& [name, text] : {std::pair{"separator", separator}, {"alternatives", alternatives}})
    check<ConfigError>(text.size() <= 1, "/{}: expected one character, got '{}'", {name, text});
  zero_shot.validate();
  training.validate();
}

ContrastiveJobResult run_contrastive_job(const ContrastiveJobOptions& options, const std::filesystem::path& folder, const ContrastiveCallbacks& callbacks, ProcessGroup group) {
  register_builtins();
  options.validate();
  ContrastiveJobOptions o = options;
  if (o.modalities.empty()) o.modalities = synthetic_modalities();
  SavedJoint pretrained;
  if (!o.pretrained.empty()) pretrained = load_joint_model(under(folder, o.pretrained));
  const std::vector<JobModality> modalities = complete(o.modalities, pretrained);
  const ContrastiveData data = open_contrastive_data(o, modalities, folder);
  ContrastiveJobResult result{.saved = make_model(o, modalities, pretrained, data), .train_samples = data.train->size(), .present = data.present};

  LoaderOptions loading{.batch_size = o.batch_size, .drop_last = o.drop_last, .workers = o.workers, .seed = o.training.seed, .bad_sample_limit = o.bad_sample_limit,
                        .rank = group.rank(), .world_size = group.world_size()};
  check<ConfigError>(!o.drop_last || o.batch_size * group.world_size() <= result.train_samples, "/batch_size: expected at most the {} training samples in all processes, got {} x {}",
                     {result.train_samples, o.batch_size, group.world_size()});
  check<ConfigError>(o.batch_size * o.training.accum_freq * group.world_size() > 1, "/batch_size: expected more than one sample to tell apart, got {}", {o.batch_size});
  Loader train(data.train, loading);
  if (o.training.data_digest.empty()) o.training.data_digest = data.digest;
  std::unique_ptr<Loader> valid;
  if (data.valid) {
    loading.shuffle = loading.drop_last = false;
    loading.rank = 0, loading.world_size = 1;
    valid = std::make_unique<Loader>(data.valid, loading);
    result.valid_samples = data.valid->size();
  }
  if (!o.training.folder.empty()) o.training.folder = under(folder, o.training.folder);
  ContrastiveCallbacks hooks = callbacks;
  if (!o.zero_shot.data.empty()) hooks.measure = measuring(std::make_shared<ZeroShotValidation>(o, modalities, result.saved, folder), callbacks);
  result.history = ContrastiveTrainer(result.saved.model, o.training, group).fit(train, valid.get(), hooks);
  result.skipped = data.skipped;
  for (const auto& [cause, count] : train.bad_samples()) result.skipped[cause] += count;
  return result;
}

}  // namespace alloy
