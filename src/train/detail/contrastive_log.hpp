// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <alloy/eval/tensorboard.hpp>
#include <alloy/train/contrastive_trainer.hpp>

#include <fstream>

namespace alloy::detail {

/// log.jsonl of a training, and event files for TensorBoard: a line each `log_every` steps and each epoch. A training that goes on from an earlier step
/// takes the lines of later steps away first.
class ContrastiveLog {
 public:
  /// @param folder  empty = no log @param step  steps done before
  ContrastiveLog(const std::filesystem::path& folder, int64_t step, bool tensorboard);
  void write(const ContrastiveStepRecord& record);
  void write(const ContrastiveEpochRecord& record);

 private:
  void write_line(const Config& line);
  std::filesystem::path path_;
  std::ofstream file_;
  std::unique_ptr<TensorBoardWriter> board_;
};

}  // namespace alloy::detail
