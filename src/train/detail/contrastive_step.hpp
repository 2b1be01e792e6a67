// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <alloy/train/contrastive_trainer.hpp>

namespace alloy::detail {

/// One update of a joint embedding from one or more batches of a loader.
class ContrastiveStep {
 public:
  ContrastiveStep(JointEmbedding model, const ContrastiveTrainerOptions& options, ProcessGroup group);

  struct Outcome {
    bool finite = true;
    bool compared = true;  ///< false: no pair of modalities had two samples; nothing was changed
    double loss = 0, gradient_norm = 0;
    ModalityMap<double> parts;
  };
  /// The weights are as before unless all was finite and something was compared.
  Outcome run(const std::vector<LabelledBatch>& group, double learning_rate);
  Optimizer& optimizer() { return optimizer_; }

 private:
  ModalityMap<Embedded> encode(const Batch& batch);
  std::vector<Batch> parts_of(const std::vector<LabelledBatch>& group) const;
  void set_modes();
  JointEmbedding model_;
  const ContrastiveTrainerOptions& options_;
  ProcessGroup group_;
  Optimizer optimizer_;
  std::vector<Tensor> parameters_;  // that are trained
};

/// Ids of samples as numbers that are the same on every process; undefined where they say nothing: where each sample is an item of its
/// own, or, with one process, no two are equal.
Tensor positive_ids(const std::vector<LabelledBatch>& group, Positives positives, bool alone);

}  // namespace alloy::detail
