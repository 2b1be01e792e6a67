// SPDX-License-Identifier: Apache-2.0
#pragma once

/// How well a score tells two kinds of samples apart, whatever the threshold: of any score, and of the distance between paired embeddings.

#include <alloy/eval/metrics.hpp>

namespace alloy {

/// Area under the ROC curve: the share of pairs of a positive and a negative sample in which the positive one has the higher score, ties
/// count half; 0.5 = chance (Hanley & McNeil 1982). N log N steps.
/// @param scores  [N] floating, finite @param positive  bool [N]
/// @throws ShapeError; DataError for a score that is not finite, and without samples of both kinds
ALLOY_API double auroc(const Tensor& scores, const Tensor& positive);

struct DisagreementOptions {
  uint64_t seed = 1;  ///< of the draw
  BootstrapOptions bootstrap = {};
};

/// Whether the distance of two sides of a pair tells that they disagree: each row of `first` with its own row of `second`, and with one of another
/// label, drawn at random. The AUROC of 1 - cosine, with an interval over rows.
/// @param first, second  [N, D] unit rows @param labels  int64 [N]
/// @throws ShapeError; DataError unless there are two labels at least; as auroc
ALLOY_API Score disagreement_auroc(const Tensor& first, const Tensor& second, const Tensor& labels,
                                   const DisagreementOptions& options = {});

}  // namespace alloy
