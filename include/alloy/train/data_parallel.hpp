// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Training one model in several processes, each with its share of every batch: parameters start equal, gradients are summed,
/// and so every process makes the same step and parameters stay equal bit by bit.
///
///     ProcessGroup group(process_group_from_environment());
///     broadcast_parameters(*model, group);
///     for (...) {
///       auto loss = distributed_loss(model->objective(), model->forward(batch), pairs, group);   // the loss of all processes' rows
///       if (loss.total.defined()) loss.total.backward();
///       reduce_gradients(model->parameters(), group);
///       optimiser.step();
///     }

#include <alloy/train/process_group.hpp>

#include <torch/nn/module.h>

namespace alloy {

/// Gives all processes the parameters and buffers of process 0, in place. Call it before the optimiser takes its first step.
/// @throws ConfigError on all processes, naming the first difference, if their names, dtypes or shapes disagree
ALLOY_API void broadcast_parameters(torch::nn::Module& module, ProcessGroup& group);

/// Replaces each gradient by its sum over processes (a sum, no mean: `distributed_loss` is already a mean over the rows of
/// all). A gradient that is undefined on some processes counts as zero there, one that is undefined on all stays so.
/// Deterministic: the same bits on all processes, and again in the next run.
/// @param parameters  the same, in the same order, on all processes
/// @param bucket_bytes  gradients are packed to sums of about this size, > 0
/// @throws ShapeError on all processes if their parameters disagree in number, or in shapes within a bucket
ALLOY_API void reduce_gradients(const std::vector<Tensor>& parameters, ProcessGroup& group, int64_t bucket_bytes = 25 << 20);

/// The rows [N_r, ...] of all processes, one below the other in order of rank: [N_0 + N_1 + ..., ...]. The gradient of a row is
/// summed over processes and goes to the process that it came from; for that, all processes call backward through the
/// result, or none does. If one process needs a gradient, all take part.
ALLOY_API Tensor all_gather_with_grad(const Tensor& rows, ProcessGroup& group);

}  // namespace alloy
