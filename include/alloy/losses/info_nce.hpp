// SPDX-License-Identifier: Apache-2.0
#pragma once

/// InfoNCE, the loss of CLIP (Oord et al. 2018, eq. 4; Radford et al. 2021, fig. 3): each row must find its partner among
/// all rows of the other side, by a softmax over the batch, in both directions. The B x B matrix of similarities is never
/// held: memory beyond inputs and gradients is a few MB at any B.

#include <alloy/core/options.hpp>
#include <alloy/losses/pair_info.hpp>

namespace alloy {

struct InfoNceOptions {
  double label_smoothing = 0.0;
  static void describe(auto& self, auto&& field) { field("label_smoothing", self.label_smoothing, "0..1, share of the target spread over all rows"); }
  ALLOY_API void validate() const;
};

/// (sum_i w_i CE(row i) + sum_j w_j CE(column j)) / (2 sum w), where CE is the cross-entropy of softmax(scale a b^T) with
/// the positives, each alike if there are several.
/// @param a, b  [B, D] float, double or bfloat16 (computed in float but for products of the gradient), usually unit rows
/// @param scale  a scalar tensor, the inverse temperature itself, not its logarithm
/// @return a scalar in float or double; once differentiable in a, b and scale
/// @throws ShapeError, DataError; ConfigError for options out of range
ALLOY_API Tensor info_nce(const Tensor& a, const Tensor& b, const Tensor& scale, const PairInfo& pairs = {}, const InfoNceOptions& options = {});

/// One direction, against more rows than there are pairs: features gathered from other processes, or a queue of past ones.
/// sum_i w_i CE(row i) / sum w.
/// @param a  [N, D] @param b  [M, D], M >= first + N
/// @param first  the partner of a_i is b_{first + i}
/// @param ids, other_ids  int64 [N] and [M], both or none: positives are the pairs of equal ids
ALLOY_API Tensor info_nce_against(const Tensor& a, const Tensor& b, const Tensor& scale, int64_t first = 0, const Tensor& ids = {}, const Tensor& other_ids = {},
                                  const Tensor& weights = {}, const InfoNceOptions& options = {});

}  // namespace alloy
