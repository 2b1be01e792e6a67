// SPDX-License-Identifier: Apache-2.0
#pragma once

/// How well a score tells two kinds of samples apart, whatever the threshold.

#include <alloy/core/tensor.hpp>

namespace alloy {

/// Area under the ROC curve: the share of pairs of a positive and a negative sample in which the positive one has the higher score, ties
/// count half; 0.5 = chance (Hanley & McNeil 1982). N log N steps.
/// @param scores  [N] floating, finite @param positive  bool [N]
/// @throws ShapeError; DataError for a score that is not finite, and without samples of both kinds
ALLOY_API double auroc(const Tensor& scores, const Tensor& positive);

}  // namespace alloy
