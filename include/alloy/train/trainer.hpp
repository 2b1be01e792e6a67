// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Supervised training of a FusionModel: AdamW, cosine schedule with warm-up, clipping, early stopping, the best state of
/// the validation loss kept. A decision rule is fitted on the validation data at the end.

#include <alloy/core/progress.hpp>
#include <alloy/data/loader.hpp>
#include <alloy/models/fusion_model.hpp>

#include <optional>

namespace alloy {

struct TrainerOptions {
  double learning_rate = 1e-3;
  double weight_decay = 0.01;
  int64_t epochs = 10;
  double warmup = 0.05;
  double clip_norm = 1.0;
  double label_smoothing = 0.0;
  double modality_dropout = 0.0;
  int64_t patience = 0;
  int64_t seed = 0;
  std::filesystem::path log_file = {};
  static void describe(auto& self, auto&& field) {
    field("learning_rate", self.learning_rate, "peak of the schedule, > 0");
    field("weight_decay", self.weight_decay, "decoupled (Loshchilov & Hutter 2019), on matrices only: not on biases, norms, scales");
    field("epochs", self.epochs, "passes over the training data, > 0");
    field("warmup", self.warmup, "0..1, share of the steps that raise the rate linearly before the cosine lowers it to 0");
    field("clip_norm", self.clip_norm, "largest gradient norm, 0 = not clipped");
    field("label_smoothing", self.label_smoothing, "0..1, classification only");
    field("modality_dropout", self.modality_dropout, "0..1, chance that a training sample loses a modality");
    field("patience", self.patience, "epochs without a better validation loss before training stops, 0 = never");
    field("seed", self.seed, "of dropout and modality dropout");
    field("log_file", self.log_file, "JSONL file, a line an epoch; empty = none");
  }
  ALLOY_API void validate() const;
};

struct EpochRecord {
  int64_t epoch = 0;            ///< from 0
  double train_loss = 0;        ///< mean over the epoch
  double valid_loss = 0;        ///< NaN without validation data
  double valid_score = 0;       ///< accuracy, exact match or R^2; NaN without validation data
  double learning_rate = 0;     ///< at the end of the epoch
  double gradient_norm = 0;     ///< mean over the epoch, before clipping
  double seconds = 0;
};

struct TrainResult {
  std::vector<EpochRecord> epochs;
  int64_t best_epoch = -1;
  int64_t steps = 0;
  int64_t skipped_steps = 0;  ///< with a loss or gradient that was not finite
  double seconds = 0;
  bool stopped_early = false;
};

struct TrainCallbacks {
  ProgressCallback progress = {};                       ///< after each step
  std::function<void(const EpochRecord&)> epoch = {};   ///< after each epoch
  CancelToken cancel = {};
};

/// Shares the model and trains it in place; one trainer a model at a time.
class ALLOY_API Trainer {
 public:
  Trainer(FusionModel model, TrainerOptions options);
  /// @param valid  decides on the best state and fits a decision rule; nullptr = the last state stays
  /// @throws DataError after ten steps in a row, or eleven among a thousand, whose loss or gradient is not finite; CancelledError. The
  ///         model then has the best state so far.
  TrainResult fit(Loader& train, Loader* valid = nullptr, const TrainCallbacks& callbacks = {});
  const TrainerOptions& options() const { return options_; }

 private:
  FusionModel model_;
  TrainerOptions options_;
};

}  // namespace alloy
