// SPDX-License-Identifier: Apache-2.0
#include "demo/experiment.hpp"

#include <alloy/data/modality_reader.hpp>
#include <alloy/encoders.hpp>
#include <alloy/fusion.hpp>
#include <alloy/io/module_state.hpp>

#include <chrono>
#include <cmath>
#include <torch/types.h>

namespace alloy::demo {

namespace {

/// The encoder that every model uses for a modality.
Handle<Encoder> make_encoder(const std::string& modality, int64_t dim) {
  if (modality == "image") return ConvImageEncoder({.channels = 1, .dim = dim, .stages = {16, 32, 64}});
  if (modality == "audio") return SpectrogramEncoder({.mel_bins = Catalogue::kMelBins, .dim = dim, .stages = {16, 32, 64}});
  return TextEncoder({.dim = dim, .heads = 4, .layers = 2, .max_length = Catalogue::kMaxTagTokens});
}

/// A view of a dataset with some modalities only.
class Only final : public Dataset {
 public:
  Only(std::shared_ptr<const Dataset> data, std::vector<std::string> names) : data_(std::move(data)), names_(std::move(names)) {}
  int64_t size() const override { return data_->size(); }
  Sample get(int64_t index, Random& random) const override {
    Sample sample = data_->get(index, random), kept{.id = sample.id, .values = {}, .target = sample.target};
    for (const std::string& name : names_) kept.values.insert(name, sample.values.at(name));
    return kept;
  }

 private:
  std::shared_ptr<const Dataset> data_;
  std::vector<std::string> names_;
};

std::shared_ptr<const Catalogue> make_split(const ExperimentOptions& o, CatalogueTask task, int64_t seed, CatalogueSplit split,
                                            const std::shared_ptr<const CatalogueSource>& source) {
  CatalogueOptions options;
  options.task = task;
  options.train_size = task == CatalogueTask::synergy ? o.synergy_train_size : o.train_size;
  options.valid_size = o.valid_size;
  options.test_size = o.test_size;
  options.seed = seed;
  options.cache = o.cache;
  return std::make_shared<Catalogue>(options, split, source);
}

/// The data with no other modalities than these.
std::shared_ptr<const Dataset> view(const std::shared_ptr<const Catalogue>& data, const std::vector<std::string>& names) {
  if (names == kModalities) return data;
  return std::make_shared<Only>(data, names);
}

const LoaderOptions kReading = {.batch_size = 256, .shuffle = false};

/// Seeds differ by task, model and run, so that no model starts from another's weights by accident.
uint64_t model_seed(int64_t seed, CatalogueTask task, const std::string& what) {
  uint64_t hash = 0;
  for (const char c : what) hash = mix_seed({hash, static_cast<uint64_t>(static_cast<unsigned char>(c))});
  return mix_seed({static_cast<uint64_t>(seed), static_cast<uint64_t>(task), hash});
}

}  // namespace

const std::vector<Strategy>& strategies() {
  using Names = std::vector<std::string>;
  static const std::vector<Strategy> all = {
      {"concat", "early", [](const Names& m, int64_t d) -> AnyFusion { return ConcatFusion({.modalities = m, .dim = d}); }},
      {"sum", "early", [](const Names& m, int64_t d) -> AnyFusion { return SumFusion({.modalities = m, .dim = d}); }},
      {"early_transformer", "early", [](const Names& m, int64_t d) -> AnyFusion { return EarlyTransformer({.modalities = m, .dim = d, .heads = 4, .layers = 2}); }},
      {"gated", "hybrid", [](const Names& m, int64_t d) -> AnyFusion { return GatedFusion({.modalities = m, .dim = d}); }},
      {"attention", "hybrid", [](const Names& m, int64_t d) -> AnyFusion { return AttentionFusion({.modalities = m, .dim = d}); }},
      {"low_rank", "hybrid", [](const Names& m, int64_t d) -> AnyFusion { return LowRankFusion({.modalities = m, .dim = d, .rank = 4}); }},
      {"tensor", "hybrid", [](const Names& m, int64_t d) -> AnyFusion { return TensorFusion({.modalities = m, .dim = d, .inner_dim = 12}); }},
      {"cross_attention", "hybrid", [](const Names& m, int64_t d) -> AnyFusion { return CrossAttentionFusion({.modalities = m, .dim = d, .heads = 4}); }},
  };
  return all;
}

const std::vector<LateRule>& late_rules() {
  static const std::vector<LateRule> all = {LateRule::average, LateRule::weighted_average, LateRule::naive_bayes, LateRule::hard_vote, LateRule::weighted_vote};
  return all;
}

Experiment::Experiment(ExperimentOptions options, CatalogueTask task, int64_t seed, std::shared_ptr<const CatalogueSource> source, CancelToken cancel)
    : options_(std::move(options)),
      task_(task),
      seed_(seed),
      cancel_(std::move(cancel)),
      train_(make_split(options_, task, seed, CatalogueSplit::train, source)),
      valid_(make_split(options_, task, seed, CatalogueSplit::valid, source)),
      test_(make_split(options_, task, seed, CatalogueSplit::test, source)) {}

Job Experiment::plan(const std::string& name, const std::string& method, const std::string& stage, const std::vector<std::string>& modalities,
                     const std::function<AnyFusion()>& fusion) const {
  seed_everything(model_seed(seed_, task_, name));
  Job job{.name = name, .method = method, .stage = stage};
  job.model = FusionModel(fusion(), {.outputs = train_->num_classes()});
  for (const std::string& modality : modalities) job.model->add(modality, make_encoder(modality, options_.dim));
  return job;
}

void Experiment::work(Job& job, const ProgressCallback& progress) const {
  Trainer trainer(job.model, {.learning_rate = options_.learning_rate,
                              .epochs = options_.epochs,
                              .modality_dropout = job.modality_dropout ? options_.modality_dropout : 0.0,
                              .seed = static_cast<int64_t>(model_seed(seed_, task_, job.name) >> 1)});
  Loader train(view(train_, job.model->modalities()), {.batch_size = options_.batch_size, .seed = seed_});
  Loader valid(view(valid_, job.model->modalities()), kReading);
  job.history = trainer.fit(train, &valid, {.progress = progress, .epoch = {}, .cancel = cancel_});
  for (const auto& modalities : job.tested_on) {
    Run run = measure(job.model, job.method, job.stage, modalities);
    run.modality_dropout = job.modality_dropout;
    job.runs.push_back(std::move(run));
  }
  Run& main = job.runs.front();
  main.train_seconds = job.history.seconds;
  for (const EpochRecord& e : job.history.epochs) main.curve.push_back({e.epoch, e.train_loss, e.valid_loss, e.valid_score});
  if (job.model->modalities() == kModalities && !job.modality_dropout) main.contributions = contributions(job.model);
}

FusionModel Experiment::join(const ModalityMap<FusionModel>& singles, LateRule rule) const {
  const bool fitted = rule == LateRule::weighted_average || rule == LateRule::naive_bayes;
  FusionModel late(LateFusion({.modalities = kModalities, .rule = rule, .calibrate = fitted}), {.outputs = train_->num_classes()});
  NamedTensors state;
  for (const auto& [name, single] : singles) {
    late->add(name, single->encoder(name));
    for (const auto& [key, tensor] : module_state(*single))
      if (key.starts_with("head_")) state.emplace_back(key, tensor);
  }
  load_state(*late, state, {.missing = OnMissing::keep}, "single models");
  late->eval();
  return late;
}

void Experiment::fit_rule(FusionModel model) const {
  Loader loader(valid_, kReading);
  const Predictions valid = predict_all(model, loader, {.cancel = cancel_});
  (*model->fusion().decision())->fit(valid.modality_logits, valid.target);
}

Run Experiment::measure(FusionModel model, const std::string& method, const std::string& stage, const std::vector<std::string>& tested_on) const {
  Run run{.task = task_name(), .method = method, .stage = stage, .seed = seed_};
  run.trained_on = model->modalities();
  run.tested_on = tested_on;
  run.parameters = model->num_parameters();
  const auto began = std::chrono::steady_clock::now();
  Loader loader(view(test_, tested_on), kReading);
  const Predictions all = predict_all(model, loader, {.cancel = cancel_});
  run.inference_ms = 1e3 * std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count() / static_cast<double>(all.logits.size(0));
  const Scores scores = score_predictions(all.logits, all.target, Task::classification, {.resamples = 300, .seed = static_cast<uint64_t>(seed_)});
  run.accuracy = scores[0].second;
  run.macro_f1 = scores[1].second;
  run.ece = scores[2].second;
  const Tensor answers = all.logits.argmax(1);
  run.predicted.assign(answers.const_data_ptr<int64_t>(), answers.const_data_ptr<int64_t>() + answers.numel());
  if (all.weights.defined()) {
    const Tensor mean = all.weights.mean(0);
    for (size_t m = 0; m < model->modalities().size(); ++m) run.weights.emplace_back(model->modalities()[m], mean[static_cast<int64_t>(m)].item<double>());
  }
  return run;
}

std::vector<std::pair<std::string, double>> Experiment::contributions(FusionModel model, int64_t samples) const {
  std::vector<Sample> first;
  Random random(0);
  for (int64_t i = 0; i < std::min(samples, test_->size()); ++i) first.push_back(test_->get(i, random));
  const Tensor mean = leave_one_out(model, collate(first).inputs).nanmean(0);
  std::vector<std::pair<std::string, double>> result;
  for (size_t m = 0; m < model->modalities().size(); ++m) result.emplace_back(model->modalities()[m], mean[static_cast<int64_t>(m)].item<double>());
  return result;
}

std::vector<ShownSample> Experiment::show(FusionModel fusion, const std::string& name, const ModalityMap<FusionModel>& singles, int64_t count) const {
  std::vector<ShownSample> shown;
  const auto names = test_->class_names();
  Random random(0);
  for (int64_t k = 0; k < std::min(count, test_->size()); ++k) {
    const int64_t index = k * (test_->size() / std::min(count, test_->size()) | 1) % test_->size();  // odd steps: all classes come up
    const Sample sample = test_->get(index, random);
    ShownSample s{.id = sample.id, .truth = names[static_cast<size_t>(sample.target.item<int64_t>())], .typed = test_->record(index).tag.text, .spoken_by = test_->voice(index)};
    const Tensor picture = test_->picture(index).contiguous(), audio = sample.values.at("audio").contiguous();
    s.image_size = picture.size(0);
    s.image.assign(picture.const_data_ptr<uint8_t>(), picture.const_data_ptr<uint8_t>() + picture.numel());
    s.frames = audio.size(0);
    s.bins = audio.size(1);
    s.spectrogram.assign(audio.const_data_ptr<float>(), audio.const_data_ptr<float>() + audio.numel());
    const auto answer = [&](const std::string& who, FusionModel model) {
      Sample given{.id = sample.id, .values = {}, .target = sample.target};
      for (const std::string& m : model->modalities()) given.values.insert(m, sample.values.at(m));
      const Tensor probs = model->predict(collate(std::span(&given, 1)).inputs).logits.softmax(1)[0];
      const int64_t best = probs.argmax().item<int64_t>();
      s.answers.emplace_back(who, std::pair(names[static_cast<size_t>(best)], probs[best].item<double>()));
    };
    for (const auto& [m, single] : singles) answer(m + " alone", single);
    answer(name, fusion);
    shown.push_back(std::move(s));
  }
  return shown;
}

SavedModel Experiment::to_save(FusionModel model) const {
  SavedModel saved{.model = model, .labels = test_->class_names(), .modalities = {}};
  for (const std::string& name : model->modalities()) saved.modalities.push_back({name, name, test_->reader_options(name)});
  return saved;
}

std::vector<int64_t> Experiment::truth() const {
  std::vector<int64_t> all;
  for (int64_t i = 0; i < test_->size(); ++i) all.push_back(test_->record(i).target);
  return all;
}

}  // namespace alloy::demo
