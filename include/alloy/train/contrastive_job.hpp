// SPDX-License-Identifier: Apache-2.0
#pragma once

/// From files to a trained joint embedding: what `alloy train contrastive` does, as a function.

#include <alloy/models/joint_folder.hpp>
#include <alloy/train/contrastive_trainer.hpp>

namespace alloy {

enum class DatasetType {
  automatic,   ///< by the name: .csv, .tsv and .jsonl are manifests, .tar, {000..009} and folders are shards
  csv,         ///< a manifest, whatever it is called
  webdataset,  ///< tar shards
  synthetic,   ///< coloured shapes (ShapesDataset), to see whether all is in place
};
constexpr auto enum_names(DatasetType) {
  return std::to_array<std::pair<DatasetType, std::string_view>>(
      {{DatasetType::automatic, "auto"}, {DatasetType::csv, "csv"}, {DatasetType::webdataset, "webdataset"}, {DatasetType::synthetic, "synthetic"}});
}

/// A modality of the data and of the model.
struct JobModality {
  std::string name = {};
  std::string kind = {};
  std::string column = {};
  std::string extensions = {};
  std::string view_of = {};
  Config preprocess = {};
  Config augment = {};
  Config encoder = {};
  static void describe(auto& self, auto&& field) {
    field("name", self.name, "in the model");
    field("kind", self.kind, "of the reader: see `alloy list kinds`");
    field("column", self.column, "of the manifest; empty = the name");
    field("extensions", self.extensions, "of its members in shards, as jpg;png; empty = the usual ones of the kind");
    field("view_of", self.view_of, "another modality, whose encoder and kind it shares: a second picture of the same thing");
    field("preprocess", self.preprocess, "options of the reader, kept with the model");
    field("augment", self.augment, "random changes in training, not kept");
    field("encoder", self.encoder, "{type, options}; empty = one that fits the kind");
  }
};

/// Zero-shot accuracy while training (see ZeroShotClassifier): how well prompts alone tell the classes of a labelled manifest.
struct ZeroShotJobOptions {
  std::filesystem::path data = {};
  std::string split = {};
  std::string modality = {};
  std::string column = {};
  std::string label = "label";
  std::string prompts = "text";
  std::vector<std::string> labels = {};
  std::filesystem::path labels_file = {};
  std::vector<std::string> templates = {};
  std::filesystem::path templates_file = {};
  int64_t every = 1;
  static void describe(auto& self, auto&& field) {
    field("data", self.data, "manifest of labelled samples; empty = no zero-shot accuracy");
    field("split", self.split, "only its rows of this `split`; empty = all");
    field("modality", self.modality, "what is classified; empty = the first of the model that is not `prompts`");
    field("column", self.column, "of the manifest that holds it; empty = as in the training data");
    field("label", self.label, "column of the classes");
    field("prompts", self.prompts, "modality of the prompts, which reads texts");
    field("labels", self.labels, "names of the classes, at least two; empty = those of the column, in order of appearance");
    field("labels_file", self.labels_file, "the same, a line each");
    field("templates", self.templates, "sentences in which each {} becomes the label; empty = the label alone");
    field("templates_file", self.templates_file, "the same, a line each");
    field("every", self.every, "epochs from one time to the next, > 0; after the last epoch always");
  }
  ALLOY_API void validate() const;
};

/// A config needs little: `{"data": "train.csv", "modalities": [{"name": "image", "kind": "image"}, {"name": "text", "kind": "text"}]}`.
struct ContrastiveJobOptions {
  std::string data = {};
  DatasetType dataset_type = DatasetType::automatic;
  std::string valid_data = {};
  double valid_share = 0.0;
  std::vector<JobModality> modalities = {};
  JointEmbeddingOptions model = {};
  ContrastiveTrainerOptions training = {};
  int64_t batch_size = 64;
  int64_t workers = 0;
  bool drop_last = true;
  double bad_sample_limit = 0.01;
  std::string separator = {};
  std::string alternatives = {};
  std::string group_by = {};
  int64_t shuffle_buffer = 10000;
  bool allow_missing = true;
  int64_t synthetic_samples = 2000;
  std::filesystem::path pretrained = {};
  ZeroShotJobOptions zero_shot = {};
  static void describe(auto& self, auto&& field) {
    field("data", self.data, "manifest, shards (train-{000..009}.tar or a folder), or empty for synthetic; rows whose `split` is not train are left out");
    field("dataset_type", self.dataset_type, "what the data are");
    field("valid_data", self.valid_data, "what to retrieve among after each epoch; empty = rows whose `split` is valid, else a share");
    field("valid_share", self.valid_share, "0..1, share of a manifest's rows, or of synthetic scenes, kept for validation where none are named");
    field("modalities", self.modalities, "at least two; empty with synthetic = image and text");
    field("model", self.model, "the space and the loss");
    field("training", self.training, "the trainer");
    field("batch_size", self.batch_size, "samples a batch and process, > 1");
    field("workers", self.workers, "threads that read files beside those that compute; 0 = those");
    field("drop_last", self.drop_last, "leaves out a last batch that is not full");
    field("bad_sample_limit", self.bad_sample_limit, "0..1, share of files that may be unusable");
    field("separator", self.separator, "between the cells of a manifest: one character; empty = by its name");
    field("alternatives", self.alternatives, "a character: cells hold several values, one of which is drawn each time; empty = one");
    field("group_by", self.group_by, "column: rows of equal values are no negatives of one another; empty = `id`, else the first text");
    field("shuffle_buffer", self.shuffle_buffer, "samples of shards among which the next is drawn");
    field("allow_missing", self.allow_missing, "samples of shards may lack modalities");
    field("synthetic_samples", self.synthetic_samples, "scenes");
    field("pretrained", self.pretrained, "model folder: modalities that it has start from its encoders, projections and readers; those that are not named here stay in the model as they are");
    field("zero_shot", self.zero_shot, "accuracy on labelled samples after epochs, in ContrastiveValidation::values; decides on nothing");
  }
  ALLOY_API void validate() const;
};

struct ContrastiveJobResult {
  SavedJoint saved;
  ContrastiveResult history;
  int64_t train_samples = 0, valid_samples = 0;
  std::map<std::string, int64_t> skipped;  ///< unusable samples of the last epoch, and members of shards, by cause
  std::map<std::string, int64_t> present;  ///< training samples that have each modality, where that is known without reading
};

/// Trains, in each process of the group with its part of every batch; saves no model, but checkpoints and log go to `training.folder`. Paths in the options are relative to `folder`, those in a
/// manifest to the manifest.
/// @throws ConfigError naming the place in the config, or the columns there are; DataError, IoError, and what fit throws
ALLOY_API ContrastiveJobResult run_contrastive_job(const ContrastiveJobOptions& options, const std::filesystem::path& folder, const ContrastiveCallbacks& callbacks = {},
                                                   ProcessGroup group = ProcessGroup(ProcessGroupOptions{}));

}  // namespace alloy
