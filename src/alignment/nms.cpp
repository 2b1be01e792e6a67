// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/nms.hpp>

#include <ATen/Functions.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace alloy {

namespace {

struct Box {
  double x1, y1, x2, y2, area;
  int64_t kind;
};

// In double for float boxes too: the products of floats are exact there, so that no rounding decides.
bool overlap_above(const Box& a, const Box& b, double threshold) {
  const double width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1), height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  if (width <= 0 || height <= 0) return false;
  const double shared = width * height;
  return shared > threshold * (a.area + b.area - shared);
}

Tensor suppress(const Tensor& boxes, const Tensor& scores, const Tensor& classes, double iou_threshold, std::string_view where) {
  check_boxes(boxes, where);
  const int64_t count = boxes.size(0);
  check_shape(scores, {count}, where, "scores");
  check_floating(scores, where, "scores");
  check<ConfigError>(iou_threshold >= 0 && iou_threshold <= 1, "[{}] expected iou_threshold in 0..1, got {}", {where, iou_threshold});
  check<DataError>(scores.detach().isnan().any().logical_not().item<bool>(), "[{}] expected scores without NaN, got some", {where});
  const Tensor corners = boxes.detach().to(at::kCPU, at::kDouble).contiguous(), values = scores.detach().to(at::kCPU, at::kDouble).contiguous();
  const Tensor kinds = classes.defined() ? classes.to(at::kCPU).contiguous() : at::zeros({count}, at::kLong);
  const double *x = corners.const_data_ptr<double>(), *score = values.const_data_ptr<double>();

  std::vector<int64_t> order(static_cast<size_t>(count)), kept;
  std::iota(order.begin(), order.end(), int64_t{0});
  std::ranges::stable_sort(order, [&](int64_t i, int64_t j) { return score[i] > score[j]; });
  std::vector<Box> taken;
  for (const int64_t i : order) {
    const double* v = x + 4 * i;
    const Box box{v[0], v[1], v[2], v[3], (v[2] - v[0]) * (v[3] - v[1]), kinds.const_data_ptr<int64_t>()[i]};
    if (std::ranges::any_of(taken, [&](const Box& other) { return other.kind == box.kind && overlap_above(other, box, iou_threshold); })) continue;
    taken.push_back(box);
    kept.push_back(i);
  }
  return at::tensor(kept, at::kLong).to(boxes.device());
}

}  // namespace

Tensor nms(const Tensor& boxes, const Tensor& scores, double iou_threshold) { return suppress(boxes, scores, {}, iou_threshold, "nms"); }

Tensor batched_nms(const Tensor& boxes, const Tensor& scores, const Tensor& classes, double iou_threshold) {
  check_shape(classes, {boxes.defined() && boxes.dim() > 0 ? boxes.size(0) : -1}, "batched_nms", "classes");
  check<ShapeError>(classes.scalar_type() == at::kLong, "[batched_nms] expected classes of dtype int64, got {}", {classes});
  return suppress(boxes, scores, classes, iou_threshold, "batched_nms");
}

}  // namespace alloy
