// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Training of a joint embedding by contrast. Any sample may lack any modality; batches larger than memory go through the
/// gradient cache; a training that was stopped, or killed, goes on where it was, bit by bit.
///
///     ContrastiveTrainer trainer(joint, {.learning_rate = 2e-3, .epochs = 40, .folder = "run"});
///     trainer.fit(loader, &valid_loader);

#include <alloy/core/progress.hpp>
#include <alloy/data/loader.hpp>
#include <alloy/models/joint_embedding.hpp>
#include <alloy/train/checkpoint.hpp>
#include <alloy/train/distributed_loss.hpp>
#include <alloy/train/optimizer.hpp>
#include <alloy/train/schedule.hpp>

namespace alloy {

enum class Precision {
  fp32,
  bf16,  ///< encoders compute in bfloat16 where LibTorch's autocast says so; weights, gradients and losses stay in float
};
constexpr auto enum_names(Precision) {
  return std::to_array<std::pair<Precision, std::string_view>>({{Precision::fp32, "fp32"}, {Precision::bf16, "bf16"}});
}

/// Which samples of a batch are no negatives of one another.
enum class Positives {
  samples,  ///< none: each sample is an item of its own
  ids,      ///< those of equal id
  targets,  ///< those of equal class index
};
constexpr auto enum_names(Positives) {
  return std::to_array<std::pair<Positives, std::string_view>>({{Positives::samples, "samples"}, {Positives::ids, "ids"}, {Positives::targets, "targets"}});
}

/// What is written beside log.jsonl and checkpoints.
enum class ReportTo {
  all,
  html,         ///< report.html at the end
  tensorboard,  ///< event files while training runs
  none,
};
constexpr auto enum_names(ReportTo) {
  return std::to_array<std::pair<ReportTo, std::string_view>>(
      {{ReportTo::all, "all"}, {ReportTo::html, "html"}, {ReportTo::tensorboard, "tensorboard"}, {ReportTo::none, "none"}});
}

struct ContrastiveTrainerOptions {
  double learning_rate = 5e-4;
  int64_t epochs = 32;
  OptimizerOptions optimizer = {};
  ScheduleOptions schedule = {};
  double clip_norm = 1.0;
  int64_t accum_freq = 1;
  int64_t chunk_size = 0;
  Precision precision = Precision::fp32;
  bool grad_checkpointing = false;
  double force_patch_dropout = -1.0;
  double weight_average = 0.0;
  std::vector<std::string> lock = {};
  Positives positives = Positives::ids;
  int64_t patience = 0;
  int64_t seed = 0;
  int64_t log_every = 100;
  std::filesystem::path folder = {};
  int64_t save_every = 1;
  int64_t save_every_steps = 0;
  CheckpointStoreOptions checkpoints = {};
  std::string resume = {};
  bool force_resume = false;
  std::string data_digest = {};
  DistributedLossOptions distributed = {};
  ReportTo report_to = ReportTo::all;
  static void describe(auto& self, auto&& field) {
    field("learning_rate", self.learning_rate, "peak of the schedule, > 0");
    field("epochs", self.epochs, "passes over the training data, > 0");
    field("optimizer", self.optimizer, "how gradients become updates");
    field("schedule", self.schedule, "the learning rate over the steps");
    field("clip_norm", self.clip_norm, "largest gradient norm, 0 = not clipped");
    field("accum_freq", self.accum_freq, "batches of the loader that make one batch of the loss, by the gradient cache, > 0");
    field("chunk_size", self.chunk_size, "samples encoded at once, by the gradient cache; 0 = a whole batch of the loader");
    field("precision", self.precision, "of the encoders");
    field("grad_checkpointing", self.grad_checkpointing, "transformer blocks compute their activations again in the backward pass instead of keeping them");
    field("force_patch_dropout", self.force_patch_dropout, "0..1, share of the patches that training leaves out, in all encoders that have patch_dropout; negative = what each says itself");
    field("weight_average", self.weight_average, "0..1, decay of an exponential moving average of the weights, which is what is evaluated and kept; 0 = none");
    field("lock", self.lock, "modalities whose encoder and projection stay as they are");
    field("positives", self.positives, "samples of a batch that are no negatives of one another");
    field("patience", self.patience, "epochs without a better validation score before training stops, 0 = never");
    field("seed", self.seed, "of dropout");
    field("log_every", self.log_every, "steps between two lines of the log, > 0");
    field("folder", self.folder, "where the log (log.jsonl) and checkpoints go; empty = nowhere");
    field("save_every", self.save_every, "epochs between two checkpoints, 0 = only at the end");
    field("save_every_steps", self.save_every_steps, "steps between two checkpoints besides, 0 = none");
    field("checkpoints", self.checkpoints, "which checkpoints stay");
    field("resume", self.resume, "`latest` in the folder, or the path of a checkpoint; empty = from the start");
    field("force_resume", self.force_resume, "goes on although data, batch size or number of processes changed; options given now then win over those of the checkpoint");
    field("data_digest", self.data_digest, "names the training data, so that a training is not taken up with other data");
    field("report_to", self.report_to, "what else is written into the folder");
    field("distributed", self.distributed, "the loss over several processes");
  }
  ALLOY_API void validate() const;
};

struct ContrastiveStepRecord {
  int64_t step = 0;              ///< from 1
  int64_t steps = 0;             ///< of the whole training
  int64_t epoch = 0;             ///< from 0
  int64_t samples = 0;           ///< of this step, of this process
  double loss = 0;               ///< NaN where nothing could be compared
  double mean_loss = 0;          ///< over the epoch so far
  ModalityMap<double> parts;     ///< by pair of modalities
  ModalityMap<double> scales;    ///< learned inverse temperatures, by pair or `all`
  double learning_rate = 0;
  double gradient_norm = 0;      ///< before clipping
  bool skipped = false;          ///< something was not finite: the weights are as before
  double data_seconds = 0;       ///< waiting for samples
  double step_seconds = 0;       ///< all of the step, waiting included
};

/// What a validation found. `score` decides on the best state; higher is better; none = no state is better than another.
struct ContrastiveValidation {
  std::optional<double> score = {};
  std::vector<std::pair<std::string, double>> values = {};
};

struct ContrastiveEpochRecord {
  int64_t epoch = 0;  ///< from 0
  int64_t step = 0;   ///< done so far
  double train_loss = 0;
  std::optional<ContrastiveValidation> validation = {};
  double seconds = 0;
};

struct ContrastiveResult {
  std::vector<ContrastiveEpochRecord> epochs = {};  ///< those of this run
  int64_t steps = 0;                                ///< of all runs
  int64_t skipped_steps = 0;                        ///< with something that was not finite
  int64_t best_epoch = -1;
  std::optional<double> best_score = {};
  bool stopped_early = false;
  bool resumed = false;
  double seconds = 0;  ///< of this run
};

struct ContrastiveCallbacks {
  ProgressCallback progress = {};                                           ///< after each step
  std::function<void(const ContrastiveStepRecord&)> step = {};              ///< after each step
  std::function<void(const ContrastiveStepRecord&)> log = {};               ///< every `log_every` steps, as in the log
  std::function<void(const ContrastiveEpochRecord&)> epoch = {};            ///< after each epoch
  std::function<ContrastiveValidation(const JointEmbedding&)> validate = {};  ///< instead of retrieval among the validation data
  /// More to log of the state after an epoch (from 0, of so many), beside what validation found; it decides on nothing. None = nothing this time.
  std::function<std::vector<std::pair<std::string, double>>(const JointEmbedding&, int64_t epoch, int64_t epochs)> measure = {};
  CancelToken cancel = {};
};

/// One line for a person: step, losses with their running mean, rate, scale, times.
ALLOY_API std::string log_line(const ContrastiveStepRecord& record);

/// Shares the model and trains it in place; one trainer a model at a time. When `fit` returns, the model is in evaluation mode and has
/// the weights of the best validation score, else the last ones, or their average.
///
/// Several processes train one model, each with its part of every batch, as if it were one big batch: give each a group, a model of
/// the same structure and a loader with its rank. Process 0 validates and writes checkpoints and log; all read the checkpoint to resume
/// from, so `folder` lies where all can see it. A process that is cancelled stops all of them at the same step.
class ALLOY_API ContrastiveTrainer {
 public:
  /// @throws ConfigError for options out of range, a modality to lock that the model does not have
  ContrastiveTrainer(JointEmbedding model, ContrastiveTrainerOptions options, ProcessGroup group = ProcessGroup(ProcessGroupOptions{}));
  /// @param valid  samples to retrieve among after each epoch: the score is the mean R@1 over all ordered pairs of modalities
  /// @throws DataError after ten steps in a row, or eleven among a thousand, that were not finite, or for a checkpoint
  ///         that is damaged; ConfigError for a checkpoint of another training; CancelledError after a checkpoint was
  ///         written; IoError; NetworkError if another process is gone. What was learnt is kept in the model in all these cases.
  ContrastiveResult fit(Loader& train, Loader* valid = nullptr, const ContrastiveCallbacks& callbacks = {});
  const ContrastiveTrainerOptions& options() const { return options_; }

 private:
  JointEmbedding model_;
  ContrastiveTrainerOptions options_;
  ProcessGroup group_;
};

}  // namespace alloy
