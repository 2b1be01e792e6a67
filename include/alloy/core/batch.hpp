// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What goes into a model: one `ModalityInput` a modality, each as its encoder wants it.

#include <alloy/core/modality_map.hpp>
#include <alloy/core/tensor.hpp>

namespace alloy {

/// One modality of a batch.
struct ModalityInput {
  Tensor values;   ///< [B, ...], what the encoder of this modality reads
  Tensor mask;     ///< [B, T] bool, true = real token; undefined = all real
  Tensor present;  ///< [B] bool on the CPU, true = the sample has this modality; undefined = all have it
  Tensor times;    ///< [B, T] seconds; undefined = not known
  ModalityMap<Tensor> extra;  ///< further tensors with first axis B

  /// Rows `index` ([N] int64 on the CPU) of every tensor.
  ALLOY_API ModalityInput rows(const Tensor& index) const;
  /// A copy on another device; `present` stays on the CPU.
  ALLOY_API ModalityInput to(at::Device device) const;
};

/// The modalities of a batch by name; all share B.
using Batch = ModalityMap<ModalityInput>;

/// The number of samples B that all modalities of a batch share.
/// @throws ShapeError if they disagree, if values are undefined, or if mask, present, times or extra do not fit values
ALLOY_API int64_t batch_size(const Batch& batch);
ALLOY_API Batch to(const Batch& batch, at::Device device);
/// Rows `index` ([N] int64 on the CPU) of every modality.
ALLOY_API Batch rows(const Batch& batch, const Tensor& index);

/// What a loader yields.
struct LabelledBatch {
  Batch inputs;
  Tensor target;                 ///< [B] class index, [B, K] values, or undefined
  std::vector<std::string> ids;  ///< one a sample
};

}  // namespace alloy
