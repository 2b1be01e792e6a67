// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A student learns how alike a teacher finds the pairs of a batch (Hinton et al. 2015; for dual encoders Yang et al. 2024,
/// "CLIP-KD", eq. 6, and `--distill-model` of open_clip).

#include <alloy/core/tensor.hpp>

namespace alloy {

/// Unit rows of both sides and the scale of one model.
struct PairFeatures {
  Tensor a, b;   ///< [B, D]
  Tensor scale;  ///< a scalar tensor
};

/// Mean over rows and columns, halved, of the cross-entropy of the student's softmax over the batch with the teacher's. No
/// gradient reaches the teacher; widths may differ. Holds B x B matrices.
/// @throws ShapeError
ALLOY_API Tensor similarity_distillation(const PairFeatures& student, const PairFeatures& teacher);

}  // namespace alloy
