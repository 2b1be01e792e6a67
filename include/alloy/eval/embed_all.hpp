// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A joint embedding model over a whole dataset: every modality of every sample in the joint space.

#include <alloy/core/progress.hpp>
#include <alloy/data/loader.hpp>
#include <alloy/models/joint_embedding.hpp>

namespace alloy {

/// The samples that have a modality.
struct EmbeddedRows {
  Tensor values;   ///< [n, dim] unit rows
  Tensor samples;  ///< [n] int64, ascending: the sample of each row, as a place in `EmbeddedSet::ids`
};

/// All on the CPU, samples in the order of the loader.
struct EmbeddedSet {
  std::vector<std::string> ids;
  Tensor target;                           ///< [N] or [N, K]; undefined where the data has none
  ModalityMap<EmbeddedRows> modalities;    ///< in the order of the model; n = 0 where no sample has the modality
  std::map<std::string, int64_t> skipped;  ///< unusable samples by cause
};

struct EmbedOptions {
  /// Only these modalities are embedded, whatever else the data have; empty = all of the model, and the data may have no others.
  std::vector<std::string> only = {};
  CancelToken cancel = {};
  ProgressCallback progress = {};
};

/// In evaluation mode, without gradients. A sample that lacks a modality has no row there.
/// @throws ConfigError for a modality, in `only` or in the data, that the model does not have; ModelError as JointEmbedding::embed, naming the
///         first sample of the batch; DataError if no sample has any of the modalities, or only some samples have targets
ALLOY_API EmbeddedSet embed_all(JointEmbedding model, Loader& loader, const EmbedOptions& options = {});

}  // namespace alloy
