// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <alloy/train/contrastive_trainer.hpp>

namespace alloy::detail {

/// R@1, R@10 and MRR of every ordered pair of modalities among the samples of a loader; the score is the mean R@1. Views are left out.
ContrastiveValidation retrieval_validation(const JointEmbedding& model, Loader& loader, const CancelToken& cancel);

}  // namespace alloy::detail
