// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/grounding_metrics.hpp>

#include <ATen/Functions.h>

namespace alloy {

namespace {

/// [N, K, 4] and [N, 1, 4] in double.
std::pair<Tensor, Tensor> checked(const Tensor& boxes, const Tensor& truth, std::string_view where) {
  check_floating(boxes, where, "boxes");
  const Tensor candidates = boxes.dim() == 2 ? boxes.unsqueeze(1) : boxes;
  check_shape(candidates, {-1, -1, 4}, where, "boxes");
  check_floating(truth, where, "right boxes");
  check_shape(truth, {candidates.size(0), 4}, where, "right boxes");
  check<DataError>(candidates.isnan().any().logical_or(truth.isnan().any()).logical_not().item<bool>(), "[{}] expected boxes without NaN, got some",
                   {where});
  return {candidates.detach().to(at::kCPU, at::kDouble), truth.detach().to(at::kCPU, at::kDouble).unsqueeze(1)};
}

Score share_of(const Tensor& hits, std::string_view where, const BootstrapOptions& options) {
  check<DataError>(hits.size(0) > 0, "[{}] expected queries, got none", {where});
  const Tensor values = hits.to(at::kDouble);
  return bootstrap(
      hits.size(0), [&](const Tensor& index) { return values.index_select(0, index).mean().item<double>(); }, options);
}

}  // namespace

Tensor pointing_hits(const Tensor& boxes, const Tensor& truth) {
  const auto [b, t] = checked(boxes, truth, "pointing_hits");
  const Tensor middle = 0.5 * (b.slice(2, 0, 2) + b.slice(2, 2, 4));  // [N, K, 2]
  return middle.ge(t.slice(2, 0, 2)).logical_and(middle.le(t.slice(2, 2, 4))).all(2);
}

Score pointing_accuracy(const Tensor& boxes, const Tensor& truth, const BootstrapOptions& options) {
  check_shape(boxes, {-1, 4}, "pointing_accuracy", "boxes");
  return share_of(pointing_hits(boxes, truth).squeeze(1), "pointing_accuracy", options);
}

Score recall_at_iou(const Tensor& boxes, const Tensor& truth, double iou, int64_t k, const BootstrapOptions& options) {
  constexpr auto kWhere = "recall_at_iou";
  const auto [b, t] = checked(boxes, truth, kWhere);
  check<ConfigError>(k >= 1 && k <= b.size(1) && iou > 0 && iou <= 1, "[{}] expected k in 1..{} and iou in 0..1, got {} and {}",
                     {kWhere, b.size(1), k, iou});
  const auto side = [&](int64_t low) {
    return (at::minimum(b.select(2, low + 2), t.select(2, low + 2)) - at::maximum(b.select(2, low), t.select(2, low))).clamp_min(0);
  };
  const auto area = [](const Tensor& x) { return (x.select(2, 2) - x.select(2, 0)) * (x.select(2, 3) - x.select(2, 1)); };
  const Tensor shared = side(0) * side(1), together = area(b) + area(t) - shared;
  const Tensor agrees = shared.ge(iou * together).logical_and(together > 0);  // [N, K]
  return share_of(agrees.slice(1, 0, k).any(1), kWhere, options);
}

}  // namespace alloy
