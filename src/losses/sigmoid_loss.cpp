// SPDX-License-Identifier: Apache-2.0
#include <alloy/losses/sigmoid_loss.hpp>

#include "losses/detail/checks.hpp"
#include "losses/detail/pair_tiles.hpp"

#include <ATen/Functions.h>

namespace alloy {

Tensor sigmoid_loss(const Tensor& a, const Tensor& b, const Tensor& scale, const Tensor& bias, const PairInfo& pairs) {
  check_pairs("sigmoid_loss", a, b, scale, pairs);
  detail::check_scalar("sigmoid_loss", bias, "bias");
  Tensor half = pairs.weights.defined() ? pairs.weights.to(at::kDouble) : at::ones({a.size(0)}, at::kDouble);
  half = half / (2 * half.sum());
  return detail::pair_logistic(a, b, scale, bias, {.row_ids = pairs.ids, .col_ids = pairs.ids}, half, half);
}

Tensor sigmoid_loss_against(const Tensor& a, const Tensor& b, const Tensor& scale, const Tensor& bias, int64_t first, const Tensor& ids, const Tensor& other_ids,
                            const Tensor& weights) {
  constexpr auto kWhere = "sigmoid_loss_against";
  detail::check_features(kWhere, a, b);
  detail::check_scalar(kWhere, scale, "scale");
  detail::check_scalar(kWhere, bias, "bias");
  check<ShapeError>(first >= 0 && first + a.size(0) <= b.size(0), "[{}] expected partners {}..{} among the other side's rows, got {}", {kWhere, first, first + a.size(0) - 1, b});
  check<ShapeError>(ids.defined() == other_ids.defined(), "[{}] expected ids of both sides or of none, got one", {kWhere});
  detail::check_ids(kWhere, ids, a.size(0), "ids");
  detail::check_ids(kWhere, other_ids, b.size(0), "other_ids");
  detail::check_weights(kWhere, weights, a.size(0));
  const Tensor v = weights.defined() ? weights.to(at::kDouble) : at::ones({a.size(0)}, at::kDouble);
  return detail::pair_logistic(a, b, scale, bias, {.row_ids = ids, .col_ids = other_ids, .first = first}, v / v.sum(), at::zeros({b.size(0)}, at::kDouble));
}

}  // namespace alloy
