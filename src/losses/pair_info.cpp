// SPDX-License-Identifier: Apache-2.0
#include <alloy/losses/pair_info.hpp>

#include "losses/detail/checks.hpp"

#include <ATen/Functions.h>

namespace alloy {

namespace detail {

void check_features(std::string_view where, const Tensor& a, const Tensor& b) {
  check_shape(a, {-1, -1}, where, "features");
  check_shape(b, {-1, a.size(1)}, where, "features of the other side");
  check_floating(a, where, "features");
  check<ShapeError>(a.scalar_type() == b.scalar_type() && a.device() == b.device(), "[{}] expected both sides of one dtype and device, got {} and {}", {where, a, b});
  check<ShapeError>(a.device().is_cpu(), "[{}] expected features on the CPU, got {}", {where, a});
  check<ShapeError>(a.size(0) > 0 && a.size(1) > 0, "[{}] expected at least one row and column, got {}", {where, a});
}

void check_scalar(std::string_view where, const Tensor& scalar, std::string_view what) {
  check<ShapeError>(scalar.defined() && scalar.numel() == 1 && scalar.is_floating_point(), "[{}] expected {} as one number, got {}", {where, what, scalar});
}

void check_ids(std::string_view where, const Tensor& ids, int64_t rows, std::string_view what) {
  if (!ids.defined()) return;
  check_shape(ids, {rows}, where, what);
  check<ShapeError>(ids.scalar_type() == at::kLong, "[{}] expected {} of dtype int64, got {}", {where, what, ids});
}

void check_weights(std::string_view where, const Tensor& weights, int64_t rows) {
  if (!weights.defined()) return;
  check_shape(weights, {rows}, where, "weights");
  check_floating(weights, where, "weights");
  check<DataError>(weights.isfinite().all().item<bool>() && weights.min().item<double>() >= 0 && weights.max().item<double>() > 0,
                   "[{}] expected weights >= 0, finite and not all 0, got {} .. {}", {where, weights.min().item<double>(), weights.max().item<double>()});
}

Tensor weighted_mean(const Tensor& losses, const Tensor& weights) {
  if (!weights.defined()) return losses.mean();
  const Tensor w = weights.to(losses.options());
  return (losses * w).sum() / w.sum();
}

}  // namespace detail

void check_pairs(std::string_view where, const Tensor& a, const Tensor& b, const Tensor& scale, const PairInfo& pairs) {
  detail::check_features(where, a, b);
  check<ShapeError>(a.size(0) == b.size(0), "[{}] expected as many rows on both sides, got {} and {}", {where, a, b});
  detail::check_scalar(where, scale, "scale");
  detail::check_ids(where, pairs.ids, a.size(0), "ids");
  detail::check_weights(where, pairs.weights, a.size(0));
}

}  // namespace alloy
