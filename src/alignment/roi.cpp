// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/roi.hpp"

#include <alloy/alignment/roi.hpp>

#include <ATen/Functions.h>

namespace alloy {

namespace detail {

void check_bins(int64_t height, int64_t width, double spatial_scale, std::string_view where) {
  constexpr int64_t kMost = 1024;
  check<ConfigError>(height >= 1 && height <= kMost && width >= 1 && width <= kMost, "[{}] expected height and width in 1..{}, got {} and {}",
                     {where, kMost, height, width});
  check<ConfigError>(spatial_scale > 0 && spatial_scale <= 1e6, "[{}] expected spatial_scale > 0, got {}", {where, spatial_scale});
}

Regions check_regions(const Tensor& features, const Tensor& boxes, const Tensor& images, double spatial_scale, std::string_view where) {
  constexpr double kFarthest = 1 << 24;  // from where on floats do not tell pixels apart
  check_shape(features, {-1, -1, -1, -1}, where, "features");
  check<ShapeError>(features.is_cpu() && (features.scalar_type() == at::kFloat || features.scalar_type() == at::kDouble) && features.numel() > 0,
                    "[{}] expected features [B, C, H, W] in float or double on the cpu, no side empty, got {}", {where, features});
  check_boxes(boxes, where);
  check_shape(images, {boxes.size(0)}, where, "images");
  check<ShapeError>(images.scalar_type() == at::kLong && images.is_cpu() && boxes.is_cpu(),
                    "[{}] expected images of dtype int64 and boxes on the cpu, got {} and {}", {where, images, boxes});
  if (boxes.size(0) > 0) {
    check<DataError>(images.min().item<int64_t>() >= 0 && images.max().item<int64_t>() < features.size(0),
                     "[{}] expected images in 0..{}, got {}..{}",
                     {where, features.size(0) - 1, images.min().item<int64_t>(), images.max().item<int64_t>()});
    const double farthest = boxes.detach().abs().max().item<double>() * spatial_scale;
    check<DataError>(farthest < kFarthest, "[{}] expected boxes within {} pixels of the map, got one at {}; clip_boxes brings boxes into the picture",
                     {where, kFarthest, farthest});
  }
  return {boxes.detach().to(features.scalar_type()).contiguous(), images.contiguous()};
}

Regions join_regions(const Tensor& features, const std::vector<Tensor>& boxes, std::string_view where) {
  check<ShapeError>(!boxes.empty(), "[{}] expected boxes of at least one image, got none", {where});
  check_shape(features, {static_cast<int64_t>(boxes.size()), -1, -1, -1}, where, "features, an image for each list of boxes,");
  std::vector<Tensor> owners;
  for (const Tensor& list : boxes) {
    check_shape(list, {-1, 4}, where, "boxes");
    owners.push_back(at::full({list.size(0)}, static_cast<int64_t>(owners.size()), at::kLong));
  }
  return {at::cat(boxes), at::cat(owners)};
}

}  // namespace detail

void RoiAlignOptions::validate() const {
  detail::check_bins(height, width, spatial_scale, "roi_align");
  check<ConfigError>(sampling_ratio >= 0 && sampling_ratio <= 64, "[roi_align] expected sampling_ratio in 0..64, got {}", {sampling_ratio});
}

void RoiPoolOptions::validate() const { detail::check_bins(height, width, spatial_scale, "roi_pool"); }

Tensor roi_align(const Tensor& features, const std::vector<Tensor>& boxes, const RoiAlignOptions& options) {
  const auto [all, images] = detail::join_regions(features, boxes, "roi_align");
  return roi_align(features, all, images, options);
}

Tensor roi_pool(const Tensor& features, const std::vector<Tensor>& boxes, const RoiPoolOptions& options) {
  const auto [all, images] = detail::join_regions(features, boxes, "roi_pool");
  return roi_pool(features, all, images, options);
}

}  // namespace alloy
