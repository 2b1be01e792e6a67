// SPDX-License-Identifier: Apache-2.0
#include <alloy/losses/multi_similarity.hpp>

#include "losses/detail/checks.hpp"

#include <ATen/Functions.h>

#include <limits>

namespace alloy {

namespace {

/// log(1 + sum over chosen of exp(x)), per row; 0 where nothing is chosen.
Tensor log_one_plus(const Tensor& x, const Tensor& chosen) {
  const Tensor none = at::full({}, -std::numeric_limits<double>::infinity(), x.options());
  const Tensor with_one = at::cat({at::where(chosen, x, none), at::zeros({x.size(0), 1}, x.options())}, 1);
  return with_one.logsumexp(1);
}

}  // namespace

void MultiSimilarityOptions::validate() const {
  check<ConfigError>(alpha > 0 && beta > 0 && epsilon >= 0, "[multi_similarity] expected alpha and beta > 0 and epsilon >= 0, got {}, {} and {}", {alpha, beta, epsilon});
}

Tensor multi_similarity(const Tensor& features, const Tensor& labels, const MultiSimilarityOptions& options) {
  constexpr auto kWhere = "multi_similarity";
  detail::check_features(kWhere, features, features);
  check<ShapeError>(labels.defined(), "[{}] expected labels, got none", {kWhere});
  detail::check_ids(kWhere, labels, features.size(0), "labels");
  options.validate();
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const Tensor s = at::mm(features, features.t());  // [B, B]
  const Tensor same = labels.unsqueeze(1).eq(labels.unsqueeze(0)), other = same.logical_not();
  const Tensor positive = same.logical_and(at::eye(features.size(0), at::kBool).logical_not());
  // Mining, eq. 7 and 8: negatives nearer than the farthest positive, positives farther than the nearest negative.
  const Tensor found = s.detach(), high = at::full({}, kInf, s.options()), low = at::full({}, -kInf, s.options());
  const Tensor farthest = at::where(positive, found, high).amin(1, /*keepdim=*/true), nearest = at::where(other, found, low).amax(1, /*keepdim=*/true);
  const Tensor hard_negative = other.logical_and(found + options.epsilon > farthest), hard_positive = positive.logical_and(found - options.epsilon < nearest);
  return (log_one_plus(-options.alpha * (s - options.base), hard_positive) / options.alpha + log_one_plus(options.beta * (s - options.base), hard_negative) / options.beta).mean();
}

}  // namespace alloy
