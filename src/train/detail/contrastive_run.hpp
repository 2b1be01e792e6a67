// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "train/detail/contrastive_log.hpp"
#include "train/detail/contrastive_step.hpp"
#include "train/detail/training_state.hpp"

#include <alloy/train/weight_average.hpp>

#include <chrono>

namespace alloy::detail {

/// One call of ContrastiveTrainer::fit.
class ContrastiveRun {
 public:
  ContrastiveRun(JointEmbedding model, const ContrastiveTrainerOptions& options, ProcessGroup group, Loader& train, Loader* valid, const ContrastiveCallbacks& callbacks);
  ContrastiveResult execute();

 private:
  using Clock = std::chrono::steady_clock;
  void resume(const Checkpoint& checkpoint);
  void check_agreed();
  bool first() const { return group_.rank() == 0; }
  bool cancelled();
  void run_epoch();
  /// False at the end of the epoch.
  bool run_step();
  bool next_group(std::vector<LabelledBatch>& group);
  void end_epoch(Clock::time_point began);
  std::optional<ContrastiveValidation> validate();
  /// Adds what the callback measures.
  void measure(std::optional<ContrastiveValidation>& found);
  void save();
  void remember_best();
  void finish();

  JointEmbedding model_;
  ProcessGroup group_;
  Loader& train_;
  Loader* valid_;
  const ContrastiveCallbacks& callbacks_;
  std::unique_ptr<CheckpointStore> store_;
  std::optional<Checkpoint> resumed_;
  ContrastiveTrainerOptions options_;  // those of the checkpoint, if there is one
  ContrastiveStep step_;
  std::unique_ptr<WeightAverage> average_;
  std::unique_ptr<ContrastiveLog> log_;
  TrainingState state_;
  std::optional<double> score_;  // of the state of now
  NamedTensors best_;            // weights, to go back to
  int64_t saved_step_ = -1;
  ContrastiveResult result_;
  Clock::time_point began_ = Clock::now();
};

}  // namespace alloy::detail
