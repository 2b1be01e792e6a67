// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Contrastive batches larger than memory (Gao et al. 2021, "Scaling Deep Contrastive Learning Batch Size under Memory Limited
/// Setup"): embeddings are computed in chunks without a graph, the loss on all of them gives each embedding its gradient, and
/// a second pass by chunks carries it into the encoders. The gradient is that of the whole batch; the cost is one more
/// forward pass. Plain accumulation over chunks is another gradient: each chunk would see its own negatives only.

#include <alloy/models/joint_embedding.hpp>

#include <functional>
#include <span>

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

/// The same for batches that come in parts, such as those of a loader: the gradient is that of all parts as one batch.
/// @param encode  embeddings of a part; a part may lack modalities that others have
/// @param objective  the loss of the embeddings of all parts, rows in their order
ALLOY_API PairwiseLossOutput cached_backward(std::span<const Batch> parts, const std::function<ModalityMap<Embedded>(const Batch&)>& encode,
                                             const std::function<PairwiseLossOutput(const ModalityMap<Embedded>&)>& objective);

/// @throws ConfigError if an encoder that is trained normalises by statistics of the batch
ALLOY_API void refuse_batch_statistics(const JointEmbedding& model, std::string_view where);

}  // namespace alloy
