// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Contrastive batches larger than memory (Gao et al. 2021, "Scaling Deep Contrastive Learning Batch Size under Memory Limited
/// Setup"): embeddings are computed in chunks without a graph, the loss on all of them gives each embedding its gradient, and
/// a second pass by chunks carries it into the encoders. The gradient is that of the whole batch; the cost is one more
/// forward pass. Plain accumulation over chunks is another gradient: each chunk would see its own negatives only.

#include <alloy/models/joint_embedding.hpp>

namespace alloy {

struct GradientCacheOptions {
  int64_t chunk_size = 64;
  static void describe(auto& self, auto&& field) { field("chunk_size", self.chunk_size, "samples encoded at once, > 0"); }
  ALLOY_API void validate() const;
};

/// Adds the gradient of the loss of the whole batch to that of the model's parameters, as `loss.backward()` would. Dropout
/// agrees in both passes: LibTorch's generator is set back for each chunk, and left as after the first pass.
/// @return the loss, detached; `total` is undefined where nothing could be compared, and no gradient is added then
/// @throws ConfigError if an encoder normalises by statistics of the batch in training: its chunks would not be its batch
ALLOY_API PairwiseLossOutput cached_backward(JointEmbedding model, const Batch& batch, const PairInfo& pairs = {}, const GradientCacheOptions& options = {});

}  // namespace alloy
