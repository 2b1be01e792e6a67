// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "train/detail/non_finite_guard.hpp"

#include <alloy/data/loader.hpp>
#include <alloy/train/contrastive_trainer.hpp>

namespace alloy::detail {

/// Where a training is: all that decides how it goes on, but for tensors. Random numbers are drawn from (seed, step), so
/// no generator needs to be kept.
struct TrainingState {
  int64_t epoch = 0;
  int64_t position = 0;  ///< batches of the epoch that are done
  int64_t step = 0;      ///< steps done
  double loss_sum = 0;   ///< over the epoch's steps
  int64_t loss_count = 0;
  std::optional<double> best_score;
  int64_t best_epoch = -1;
  std::string best_checkpoint;  ///< name of its folder
  NonFiniteGuard guard{"ContrastiveTrainer"};

  Config to_config() const;
  static TrainingState from_config(const Config& config, const std::string& path);
};

/// What must be the same for a training to go on as if it had never stopped.
Config run_facts(const Loader& train, const ContrastiveTrainerOptions& options);
/// @throws ConfigError listing what changed, and how to go on all the same
void check_same_run(const Config& written, const Config& now, const std::filesystem::path& checkpoint);

/// The options that a resumed training uses: those of the checkpoint, but for where things are written. Differences are logged
/// as a warning.
ContrastiveTrainerOptions resumed_options(const Config& written, const ContrastiveTrainerOptions& given, const std::filesystem::path& checkpoint);

}  // namespace alloy::detail
