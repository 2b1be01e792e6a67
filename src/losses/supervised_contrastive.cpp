// SPDX-License-Identifier: Apache-2.0
#include <alloy/losses/supervised_contrastive.hpp>

#include "losses/detail/checks.hpp"
#include "losses/detail/pair_tiles.hpp"

#include <ATen/Functions.h>

namespace alloy {

Tensor supervised_contrastive(const Tensor& features, const Tensor& labels, const Tensor& scale) {
  constexpr auto kWhere = "supervised_contrastive";
  detail::check_features(kWhere, features, features);
  detail::check_scalar(kWhere, scale, "scale");
  check<ShapeError>(labels.defined(), "[{}] expected labels, got none", {kWhere});
  detail::check_ids(kWhere, labels, features.size(0), "labels");
  const Tensor rows = detail::pair_cross_entropy(features, features, scale, {.row_ids = labels, .col_ids = labels, .leave_out = detail::PairTargets::LeaveOut::self}).first;
  const Tensor sorted = std::get<0>(labels.sort()), place = at::searchsorted(sorted, labels);
  const Tensor has_positive = at::searchsorted(sorted, labels, /*out_int32=*/false, /*right=*/true).sub(place).gt(1);  // [B]
  const int64_t count = has_positive.sum().item<int64_t>();
  if (count == 0) return (features * 0).sum().to(rows.scalar_type());
  return at::where(has_positive, rows, at::zeros({}, rows.options())).sum() / count;
}

}  // namespace alloy
