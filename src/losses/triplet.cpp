// SPDX-License-Identifier: Apache-2.0
#include <alloy/losses/triplet.hpp>

#include "losses/detail/checks.hpp"

#include <ATen/Functions.h>

#include <limits>

namespace alloy {

namespace {

/// Loss of each row of similarities [B, B] whose diagonal holds the positives.
Tensor row_losses(const Tensor& similarity, const Tensor& negative, const TripletOptions& o) {
  const Tensor positive = similarity.diagonal().unsqueeze(1);                    // [B, 1]
  const Tensor violation = (similarity - positive + o.margin).relu();            // [B, B]
  if (o.negatives == Negatives::hardest) return at::where(negative, violation, at::zeros({}, violation.options())).amax(1);
  const Tensor counted = o.negatives == Negatives::all ? negative : negative.logical_and(similarity.lt(positive)).logical_and(violation.gt(0));
  return at::where(counted, violation, at::zeros({}, violation.options())).sum(1) / counted.sum(1).clamp_min(1);
}

}  // namespace

void TripletOptions::validate() const { check<ConfigError>(margin > 0 && margin < 1e6, "[triplet_loss] expected margin > 0, got {}", {margin}); }

Tensor triplet_loss(const Tensor& a, const Tensor& b, const PairInfo& pairs, const TripletOptions& options) {
  check_pairs("triplet_loss", a, b, at::ones({}), pairs);
  options.validate();
  const Tensor similarity = at::mm(a, b.t());  // [B, B]
  const Tensor negative = pairs.ids.defined() ? pairs.ids.unsqueeze(1).ne(pairs.ids.unsqueeze(0)) : at::eye(a.size(0), at::kBool).logical_not();
  return 0.5 * (detail::weighted_mean(row_losses(similarity, negative, options), pairs.weights) + detail::weighted_mean(row_losses(similarity.t(), negative, options), pairs.weights));
}

}  // namespace alloy
