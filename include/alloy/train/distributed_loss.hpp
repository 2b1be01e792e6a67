// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The contrastive loss of the rows of all processes together, so that each row finds its negatives among all of them (Radford
/// et al. 2021, section 2.5): summed by `reduce_gradients`, gradients are those of one process with the union of the batches.
/// Numbers of rows may differ between processes and be 0, and so may the modalities that are there.

#include <alloy/losses/pairwise.hpp>
#include <alloy/train/process_group.hpp>

namespace alloy {

struct DistributedLossOptions {
  bool local_loss = false;
  bool gather_with_grad = true;
  static void describe(auto& self, auto&& field) {
    field("local_loss", self.local_loss, "each process computes its own rows against all, rather than all against all: the work is shared; info_nce and sigmoid only");
    field("gather_with_grad", self.gather_with_grad, "with local_loss: gradients also reach the rows of other processes; without, the gradient is only a part");
  }
};

/// In both forms `total` is the loss of all rows, the same number on all processes; `parts` and `counts` are global too, and
/// parts have no graph with local_loss. What `total.backward()` adds on a process is its share: the sum over processes is the
/// gradient of the union of batches, for the scales and biases of the loss as well.
///
/// * As default, every process computes the whole loss; rows of others are constants. Scales get their whole gradient on process
///   0 and none elsewhere, so that a sum counts it once. Work grows as the square of the union; backward needs no network.
/// * With local_loss, the work is divided by the number of processes; backward is one more sum over processes, so all processes
///   call `total.backward()`, or, where total is undefined (it then is on all), none.
/// * With local_loss and without gather_with_grad, a row misses the gradient that it has as a negative or positive of rows
///   on other processes: WARNING, this is not the gradient of the union. It is what open_clip does with these settings.
///
/// @param embeddings  of this process's rows, as PairwiseLoss takes them; a modality that they lack may be left out
/// @param pairs  of this process's rows; ids and weights are given on all processes that have rows or on none
/// @throws on all processes alike: as PairwiseLoss, of the union of batches; ShapeError if widths or dtypes disagree; ConfigError for
///         ids or weights on some processes only, for modalities or options that disagree, for local_loss with decoupled;
///         NetworkError as ProcessGroup. If the rows of one process are refused, the others get a ShapeError that names it.
ALLOY_API PairwiseLossOutput distributed_loss(PairwiseLoss loss, const ModalityMap<Embedded>& embeddings, const PairInfo& pairs, ProcessGroup& group,
                                              const DistributedLossOptions& options = {});

}  // namespace alloy
