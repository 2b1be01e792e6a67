// SPDX-License-Identifier: Apache-2.0
#pragma once

/// One task and seed of the demo: data, models, training, measuring.

#include "demo/results.hpp"

#include <alloy/core/progress.hpp>
#include <alloy/data/catalogue.hpp>
#include <alloy/data/loader.hpp>
#include <alloy/eval/predictions.hpp>
#include <alloy/fusion/late.hpp>
#include <alloy/models/model_folder.hpp>
#include <alloy/train/trainer.hpp>

namespace alloy::demo {

inline const std::vector<std::string> kModalities = {"image", "audio", "text"};

struct ExperimentOptions {
  int64_t train_size = 6000, synergy_train_size = 12000, valid_size = 2000, test_size = 4000;
  int64_t epochs = 5, batch_size = 64, dim = 64;
  double learning_rate = 2e-3;
  double modality_dropout = 0.5;
  std::filesystem::path cache = {};
  static void describe(auto& self, auto&& field) {
    field("train_size", self.train_size, "training samples");
    field("synergy_train_size", self.synergy_train_size, "training samples of the task synergy: a relation takes more to learn than a class");
    field("valid_size", self.valid_size, "validation samples");
    field("test_size", self.test_size, "test samples");
    field("epochs", self.epochs, "passes over the training data, the same for every model");
    field("batch_size", self.batch_size, "samples a batch");
    field("dim", self.dim, "width of features and fused vector");
    field("learning_rate", self.learning_rate, "peak of the schedule, the same for every model");
    field("modality_dropout", self.modality_dropout, "rate of the models trained with ModalityDropout");
    field("cache", self.cache, "folder that keeps the synthesised speech");
  }
};

/// The strategies compared that learn a joint representation: name and constructor, early before hybrid.
struct Strategy {
  std::string name, stage;
  std::function<AnyFusion(const std::vector<std::string>& modalities, int64_t dim)> make;
};
const std::vector<Strategy>& strategies();
const std::vector<LateRule>& late_rules();

/// A model to train and the test sets to measure it on. Made one after another, since weights are drawn from LibTorch's one
/// generator; trained and measured several at once, since nothing is drawn from it then: no model here uses dropout, and
/// ModalityDropout has numbers of its own.
struct Job {
  std::string name, method, stage;
  FusionModel model = nullptr;
  bool modality_dropout = false;
  std::vector<std::vector<std::string>> tested_on;  ///< the first is what the learning curve is shown with
  TrainResult history = {};                         ///< filled by `work`
  std::vector<Run> runs = {};                       ///< filled by `work`, one a test set
};

/// Train, validation and test data of one task and seed, and everything done with them. `work` and `measure` may run on
/// several threads at once, on different models.
class Experiment {
 public:
  Experiment(ExperimentOptions options, CatalogueTask task, int64_t seed, std::shared_ptr<const CatalogueSource> source, CancelToken cancel);

  /// A job with a new model. Its weights depend on seed, task and name alone.
  /// @param modalities  of the model
  Job plan(const std::string& name, const std::string& method, const std::string& stage, const std::vector<std::string>& modalities,
           const std::function<AnyFusion()>& fusion) const;
  /// Trains the job's model and measures it.
  void work(Job& job, const ProgressCallback& progress) const;
  /// A model with a decision rule, from models of single modalities: encoders are shared and heads copied, not trained again.
  FusionModel join(const ModalityMap<FusionModel>& singles, LateRule rule) const;
  /// Fits the rule on the validation data.
  void fit_rule(FusionModel model) const;
  /// Scores on the test data, a subset of the modalities shown.
  Run measure(FusionModel model, const std::string& method, const std::string& stage, const std::vector<std::string>& tested_on) const;
  /// Mean leave-one-out contributions over the first test samples.
  std::vector<std::pair<std::string, double>> contributions(FusionModel model, int64_t samples = 256) const;
  std::vector<ShownSample> show(FusionModel fusion, const std::string& name, const ModalityMap<FusionModel>& singles, int64_t count = 12) const;
  SavedModel to_save(FusionModel model) const;

  std::vector<int64_t> truth() const;
  const Catalogue& test_data() const { return *test_; }
  std::string task_name() const { return std::string(name_of(task_)); }

 private:
  ExperimentOptions options_;
  CatalogueTask task_;
  int64_t seed_;
  CancelToken cancel_;
  std::shared_ptr<const Catalogue> train_, valid_, test_;
};

}  // namespace alloy::demo
