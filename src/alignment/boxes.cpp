// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/boxes.hpp>

#include <ATen/Functions.h>

namespace alloy {

namespace {

void check_last_four(const Tensor& boxes, std::string_view where) {
  check_floating(boxes, where, "boxes");
  check<ShapeError>(boxes.dim() >= 1 && boxes.size(-1) == 4, "[{}] expected boxes [..., 4], got {}", {where, boxes});
}

Tensor column(const Tensor& boxes, int64_t which) { return boxes.select(-1, which); }

struct Overlap {
  Tensor iou, union_area;
};

/// x / y, and `otherwise` with a gradient of zero where y is zero.
Tensor safe_ratio(const Tensor& x, const Tensor& y, double otherwise) {
  const Tensor some = y > 0, one = at::ones({}, y.options());
  return at::where(some, x / at::where(some, y, one), at::full({}, otherwise, y.options()));
}

/// Of boxes [..., 4] that broadcast against each other.
Overlap overlap(const Tensor& a, const Tensor& b) {
  const auto side = [&](int64_t low) {
    return (at::minimum(column(a, low + 2), column(b, low + 2)) - at::maximum(column(a, low), column(b, low))).clamp_min(0);
  };
  const auto area = [](const Tensor& x) { return (column(x, 2) - column(x, 0)) * (column(x, 3) - column(x, 1)); };
  const Tensor shared = side(0) * side(1), together = area(a) + area(b) - shared;
  return {safe_ratio(shared, together, 0), together};
}

Tensor generalised(const Tensor& a, const Tensor& b) {
  const auto [iou, together] = overlap(a, b);
  const auto side = [&](int64_t low) { return at::maximum(column(a, low + 2), column(b, low + 2)) - at::minimum(column(a, low), column(b, low)); };
  const Tensor hull = side(0) * side(1);
  return iou - safe_ratio(hull - together, hull, 0);
}

void check_two(const Tensor& a, const Tensor& b, std::string_view where) {
  check_boxes(a, where);
  check_boxes(b, where);
  check<ShapeError>(a.scalar_type() == b.scalar_type() && a.device() == b.device(), "[{}] expected boxes of one dtype and device, got {} and {}",
                    {where, a, b});
}

}  // namespace

void check_boxes(const Tensor& boxes, std::string_view where) {
  check_shape(boxes, {-1, 4}, where, "boxes");
  check_floating(boxes, where, "boxes");
  const Tensor values = boxes.detach();
  const Tensor bad = values.isfinite().all(1).logical_and(values.slice(1, 2, 4).ge(values.slice(1, 0, 2)).all(1)).logical_not();
  if (!bad.any().item<bool>()) return;
  const int64_t row = bad.nonzero()[0][0].item<int64_t>();
  const Tensor box = values[row].to(at::kCPU, at::kDouble);
  const double* v = box.const_data_ptr<double>();
  fail<DataError>("[{}] expected boxes x1 <= x2, y1 <= y2 of finite numbers, got ({}, {}, {}, {}) in row {}", {where, v[0], v[1], v[2], v[3], row});
}

Tensor box_convert(const Tensor& boxes, BoxFormat from, BoxFormat to) {
  check_last_four(boxes, "box_convert");
  if (from == to) return boxes;
  const Tensor first = boxes.slice(-1, 0, 2), second = boxes.slice(-1, 2, 4);
  Tensor low = first, size = second;  // the form between all others: xywh
  if (from == BoxFormat::xyxy) size = second - first;
  if (from == BoxFormat::cxcywh) low = first - 0.5 * second;
  if (to == BoxFormat::xywh) return at::cat({low, size}, -1);
  return to == BoxFormat::xyxy ? at::cat({low, low + size}, -1) : at::cat({low + 0.5 * size, size}, -1);
}

Tensor box_area(const Tensor& boxes) {
  check_boxes(boxes, "box_area");
  return (column(boxes, 2) - column(boxes, 0)) * (column(boxes, 3) - column(boxes, 1));
}

Tensor clip_boxes(const Tensor& boxes, PictureSize size) {
  check_last_four(boxes, "clip_boxes");
  check<ConfigError>(size.height > 0 && size.width > 0, "[clip_boxes] expected a picture with height and width > 0, got {} x {}",
                     {size.height, size.width});
  check<DataError>(boxes.detach().isnan().any().logical_not().item<bool>(), "[clip_boxes] expected boxes without NaN, got some");
  const Tensor x = boxes.slice(-1, 0, 4, 2).clamp(0, size.width), y = boxes.slice(-1, 1, 4, 2).clamp(0, size.height);  // [..., 2] each
  return at::stack({x, y}, -1).flatten(-2);                                                                            // x1, y1, x2, y2
}

Tensor box_iou(const Tensor& a, const Tensor& b) {
  check_two(a, b, "box_iou");
  return overlap(a.unsqueeze(1), b.unsqueeze(0)).iou;
}

Tensor giou(const Tensor& a, const Tensor& b) {
  check_two(a, b, "giou");
  return generalised(a.unsqueeze(1), b.unsqueeze(0));
}

Tensor paired_giou(const Tensor& a, const Tensor& b) {
  check_two(a, b, "paired_giou");
  check<ShapeError>(a.size(0) == b.size(0), "[paired_giou] expected partners row by row, got {} and {}", {a, b});
  return generalised(a, b);
}

}  // namespace alloy
