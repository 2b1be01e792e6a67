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
  double modality_dropout = 0.3;
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
  bool pairs;  ///< also trained on each pair of modalities, to compare with losing the third; one a stage, for time's sake
  std::function<AnyFusion(const std::vector<std::string>& modalities, int64_t dim)> make;
};
const std::vector<Strategy>& strategies();
const std::vector<LateRule>& late_rules();

/// Train, validation and test data of one task and seed, and everything done with them.
class Experiment {
 public:
  using StepCallback = std::function<void(const std::string& what, const Progress& progress)>;
  Experiment(ExperimentOptions options, CatalogueTask task, int64_t seed, std::shared_ptr<const CatalogueSource> source, CancelToken cancel,
             StepCallback progress);

  struct Trained {
    FusionModel model = nullptr;
    TrainResult history;
  };
  /// @param only  modalities of the model
  Trained train(const AnyFusion& fusion, const std::vector<std::string>& only, const std::string& what, bool modality_dropout = false);
  /// One model for all late rules, from models of single modalities: encoders and heads are taken over, not trained again.
  FusionModel join(const ModalityMap<FusionModel>& singles);
  /// Fits the rule on the validation data.
  void fit_rule(FusionModel model, LateRule rule);
  /// Scores on the test data, a subset of the modalities shown.
  Run measure(FusionModel model, const std::string& method, const std::string& stage, const std::vector<std::string>& tested_on);
  /// Mean leave-one-out contributions over the first test samples.
  std::vector<std::pair<std::string, double>> contributions(FusionModel model, int64_t samples = 256);
  std::vector<ShownSample> show(FusionModel fusion, const std::string& name, const ModalityMap<FusionModel>& singles, int64_t count = 12);
  SavedModel to_save(FusionModel model) const;

  std::vector<int64_t> truth() const;
  const Catalogue& test_data() const { return *test_; }
  std::string task_name() const { return std::string(name_of(task_)); }

 private:
  ExperimentOptions options_;
  CatalogueTask task_;
  int64_t seed_;
  CancelToken cancel_;
  StepCallback progress_;
  std::shared_ptr<const Catalogue> train_, valid_, test_;
  Loader train_loader_, valid_loader_, test_loader_;
};

}  // namespace alloy::demo
