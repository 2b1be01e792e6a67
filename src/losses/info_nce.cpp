// SPDX-License-Identifier: Apache-2.0
#include <alloy/losses/info_nce.hpp>

#include "losses/detail/checks.hpp"
#include "losses/detail/pair_tiles.hpp"

namespace alloy {

void InfoNceOptions::validate() const {
  check<ConfigError>(label_smoothing >= 0 && label_smoothing < 1, "[info_nce] expected label_smoothing in 0..1, got {}", {label_smoothing});
}

Tensor info_nce(const Tensor& a, const Tensor& b, const Tensor& scale, const PairInfo& pairs, const InfoNceOptions& options) {
  check_pairs("info_nce", a, b, scale, pairs);
  options.validate();
  const auto [rows, cols] = detail::pair_cross_entropy(a, b, scale, {.row_ids = pairs.ids, .col_ids = pairs.ids}, options.label_smoothing);
  return 0.5 * (detail::weighted_mean(rows, pairs.weights) + detail::weighted_mean(cols, pairs.weights));
}

Tensor info_nce_against(const Tensor& a, const Tensor& b, const Tensor& scale, int64_t first, const Tensor& ids, const Tensor& other_ids, const Tensor& weights,
                        const InfoNceOptions& options) {
  constexpr auto kWhere = "info_nce_against";
  detail::check_features(kWhere, a, b);
  detail::check_scalar(kWhere, scale, "scale");
  check<ShapeError>(first >= 0 && first + a.size(0) <= b.size(0), "[{}] expected partners {}..{} among the other side's rows, got {}", {kWhere, first, first + a.size(0) - 1, b});
  check<ShapeError>(ids.defined() == other_ids.defined(), "[{}] expected ids of both sides or of none, got one", {kWhere});
  detail::check_ids(kWhere, ids, a.size(0), "ids");
  detail::check_ids(kWhere, other_ids, b.size(0), "other_ids");
  detail::check_weights(kWhere, weights, a.size(0));
  options.validate();
  return detail::weighted_mean(detail::pair_cross_entropy(a, b, scale, {.row_ids = ids, .col_ids = other_ids, .first = first}, options.label_smoothing).first, weights);
}

}  // namespace alloy
