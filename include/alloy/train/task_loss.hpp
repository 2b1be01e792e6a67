// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Losses of whole models by task.

#include <alloy/core/features.hpp>
#include <alloy/core/task.hpp>

namespace alloy {

/// Mean loss of logits [B, K]: cross-entropy (target [B] int64), binary cross-entropy (target [B, K]) or squared error.
/// @param label_smoothing  0..1, classification only (Szegedy et al. 2016)
/// @throws ShapeError if target does not fit the task
ALLOY_API Tensor task_loss(const Tensor& logits, const Tensor& target, Task task, double label_smoothing = 0.0);

/// What a trainer minimises: the task's loss plus the fusion's penalty; for a decision rule the mean of the losses of the
/// modalities, each over the samples that have it, so that each learns to decide alone.
ALLOY_API Tensor model_loss(const ModelOutput& output, const Tensor& target, Task task, double label_smoothing = 0.0);

}  // namespace alloy
