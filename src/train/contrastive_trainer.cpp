// SPDX-License-Identifier: Apache-2.0
#include <alloy/train/contrastive_trainer.hpp>

#include "train/detail/contrastive_run.hpp"

#include <cmath>

namespace alloy {

void ContrastiveTrainerOptions::validate() const {
  check<ConfigError>(learning_rate > 0 && std::isfinite(learning_rate), "[ContrastiveTrainer] expected learning_rate > 0, got {}", {learning_rate});
  check<ConfigError>(epochs > 0 && accum_freq > 0 && log_every > 0, "[ContrastiveTrainer] expected epochs, accum_freq and log_every > 0, got {}, {} and {}", {epochs, accum_freq, log_every});
  check<ConfigError>(clip_norm >= 0 && chunk_size >= 0 && patience >= 0 && save_every >= 0 && save_every_steps >= 0,
                     "[ContrastiveTrainer] expected clip_norm, chunk_size, patience, save_every and save_every_steps >= 0, got {}, {}, {}, {} and {}",
                     {clip_norm, chunk_size, patience, save_every, save_every_steps});
  check<ConfigError>(weight_average >= 0 && weight_average < 1, "[ContrastiveTrainer] expected weight_average in 0..1, got {}", {weight_average});
  check<ConfigError>(force_patch_dropout < 1, "[ContrastiveTrainer] expected force_patch_dropout in 0..1, or negative for that of the encoders, got {}", {force_patch_dropout});
  check<ConfigError>(resume != "latest" || !folder.empty(), "[ContrastiveTrainer] expected a folder to resume the latest checkpoint of, got none");
  optimizer.validate();
  schedule.validate();
  checkpoints.validate();
}

ContrastiveTrainer::ContrastiveTrainer(JointEmbedding model, ContrastiveTrainerOptions options, ProcessGroup group)
    : model_(std::move(model)), options_(std::move(options)), group_(std::move(group)) {
  options_.validate();
  const auto known = model_->modalities();
  for (const std::string& name : options_.lock)
    check<ConfigError>(std::ranges::find(known, name) != known.end(), "[ContrastiveTrainer] expected modalities to lock among {}, got '{}'", {known, name});
}

ContrastiveResult ContrastiveTrainer::fit(Loader& train, Loader* valid, const ContrastiveCallbacks& callbacks) {
  const LoaderOptions& o = train.options();
  check<ConfigError>(o.rank == group_.rank() && o.world_size == group_.world_size(), "[ContrastiveTrainer] expected a loader of process {} of {}, as the group says, got {} of {}",
                     {group_.rank(), group_.world_size(), o.rank, o.world_size});
  return detail::ContrastiveRun(model_, options_, group_, train, valid, callbacks).execute();
}

}  // namespace alloy
