// SPDX-License-Identifier: Apache-2.0
#include <alloy/losses/decoupled.hpp>

#include "losses/detail/checks.hpp"
#include "losses/detail/pair_tiles.hpp"

#include <ATen/Functions.h>

#include <limits>

namespace alloy {

Tensor decoupled_contrastive(const Tensor& a, const Tensor& b, const Tensor& scale, const PairInfo& pairs) {
  check_pairs("decoupled_contrastive", a, b, scale, pairs);
  const auto [rows, cols] =
      detail::pair_cross_entropy(a, b, scale, {.row_ids = pairs.ids, .col_ids = pairs.ids, .leave_out = detail::PairTargets::LeaveOut::positives});
  const auto with_negatives = [](const Tensor& x) { return at::where(x == -std::numeric_limits<double>::infinity(), at::zeros({}, x.options()), x); };
  return 0.5 * (detail::weighted_mean(with_negatives(rows), pairs.weights) + detail::weighted_mean(with_negatives(cols), pairs.weights));
}

}  // namespace alloy
