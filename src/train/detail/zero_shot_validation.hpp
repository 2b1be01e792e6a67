// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <alloy/eval/prompts.hpp>
#include <alloy/train/contrastive_job.hpp>

namespace alloy::detail {

/// Zero-shot accuracy of a model in training on a labelled manifest. What does not fit is said when it is made, before any training.
class ZeroShotValidation {
 public:
  /// @param modalities  of the job, complete: whose columns the data have
  /// @throws ConfigError naming the modalities or columns there are; DataError for a label that is none of those given
  ZeroShotValidation(const ContrastiveJobOptions& options, const std::vector<JobModality>& modalities, const SavedJoint& saved, const std::filesystem::path& folder);
  /// Whether it is the turn of an epoch, from 0, of so many.
  bool due(int64_t epoch, int64_t epochs) const { return (epoch + 1) % every_ == 0 || epoch + 1 == epochs; }
  /// "image zero-shot top1" and, of more than five classes, top5.
  std::vector<std::pair<std::string, double>> scores(const JointEmbedding& model, const CancelToken& cancel);

 private:
  int64_t every_;
  std::string modality_, prompts_modality_;
  PromptOptions prompts_;
  std::shared_ptr<const ModalityReader> prompt_reader_;
  std::unique_ptr<Loader> loader_;
};

}  // namespace alloy::detail
