// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The embeddings of all processes as one batch: what distributed_loss gathers before it computes anything.

#include <alloy/train/distributed_loss.hpp>

namespace alloy::detail {

struct UnionBatch {
  int64_t first = 0, count = 0;  ///< this process's rows are first .. first + count - 1
  ModalityMap<Embedded> local;   ///< its rows with their graph, absent ones zero, of each modality that any process has
  ModalityMap<Embedded> all;     ///< the rows of all, of the same modalities; what of them has a gradient is by the form
  PairInfo pairs;                ///< of all rows; weights in double
  bool learns = false;           ///< whether any process wants a gradient
};

/// Every process makes the same collectives, whatever it has itself: they follow from the options of the loss.
UnionBatch gather_union(const PairwiseLossImpl& loss, const ModalityMap<Embedded>& embeddings, const PairInfo& pairs, ProcessGroup& group,
                        const DistributedLossOptions& options);

}  // namespace alloy::detail
