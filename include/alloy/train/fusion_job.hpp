// SPDX-License-Identifier: Apache-2.0
#pragma once

/// From a manifest to a trained, saved model: what `alloy train fusion` does, as a function.

#include <alloy/eval/presence_leak.hpp>
#include <alloy/models/model_folder.hpp>
#include <alloy/train/trainer.hpp>

namespace alloy {

/// A config needs little: `{"data": "products.csv", "modalities": [{"name": "photo", "kind": "image"}]}`. Each entry of
/// `modalities` is {name, kind, preprocess, augment, encoder: {type, options}}; what is left out gets a default that fits the
/// kind. `augment` (make_augmenting_reader) changes training data alone and is not saved with the model.
struct FusionJobOptions {
  std::filesystem::path data = {};
  std::filesystem::path valid_data = {};
  double valid_share = 0.1;
  Task task = Task::classification;
  std::vector<Config> modalities = {};
  Config fusion = {};
  int64_t dim = 128;
  TrainerOptions training = {};
  int64_t batch_size = 32;
  int64_t workers = 1;
  double bad_sample_limit = 0.01;
  static void describe(auto& self, auto&& field) {
    field("data", self.data, "manifest with a column a modality and `label`; rows whose `split` is not train are not trained on");
    field("valid_data", self.valid_data, "manifest of validation data; empty = rows whose `split` is valid, else a share of the rows");
    field("valid_share", self.valid_share, "0..1, share of the rows kept for validation where none are named");
    field("task", self.task, "what is predicted");
    field("modalities", self.modalities, "list of {name, kind, preprocess, augment, encoder}");
    field("fusion", self.fusion, "{type, options}; default: gated. modalities and dim are filled in");
    field("dim", self.dim, "width of encoders and fusion where their options do not say");
    field("training", self.training, "options of the trainer");
    field("batch_size", self.batch_size, "samples a batch, > 0");
    field("workers", self.workers, "threads that read files");
    field("bad_sample_limit", self.bad_sample_limit, "0..1, share of files that may be unusable");
  }
  ALLOY_API void validate() const;
};

struct FusionJobResult {
  SavedModel saved;
  TrainResult history;
  std::map<std::string, int64_t> skipped;  ///< unusable samples of the last epoch, by cause
  int64_t train_samples = 0, valid_samples = 0;
  PresenceLeak presence_leak;              ///< of the training data; classification only. A leak is logged as a warning
};

/// Trains; saves nothing. Paths in the options are relative to `folder`.
/// @throws ConfigError naming the place in the config; DataError, IoError as the manifest and its files give
ALLOY_API FusionJobResult run_fusion_job(const FusionJobOptions& options, const std::filesystem::path& folder, const TrainCallbacks& callbacks = {});

}  // namespace alloy
