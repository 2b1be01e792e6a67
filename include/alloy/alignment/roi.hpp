// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Features of regions: what a map of a picture holds inside of boxes, brought to one size. Values and gradients as torchvision's,
/// float and double, on the CPU; once differentiable in the features, not in the boxes (as there).

#include <alloy/alignment/boxes.hpp>

#include <vector>

namespace alloy {

/// Coordinates are continuous: with `pixel_edges` the first pixel covers 0..1 and has its middle at 0.5, which is right;
/// `pixel_middles` takes 0 for its middle and boxes below one pixel for one pixel, as first published.
enum class RoiOrigin { pixel_edges, pixel_middles };
constexpr auto enum_names(RoiOrigin) {
  return std::to_array<std::pair<RoiOrigin, std::string_view>>(
      {{RoiOrigin::pixel_edges, "pixel_edges"}, {RoiOrigin::pixel_middles, "pixel_middles"}});
}

struct RoiAlignOptions {
  int64_t height = 7;
  int64_t width = 7;
  double spatial_scale = 1.0;
  int64_t sampling_ratio = 0;
  RoiOrigin origin = RoiOrigin::pixel_edges;
  static void describe(auto& self, auto&& field) {
    field("height", self.height, "bins from top to bottom, 1..1024");
    field("width", self.width, "bins from left to right, 1..1024");
    field("spatial_scale", self.spatial_scale, "pixels of the map for a pixel of the boxes, > 0; 0.25 for a map of stride 4");
    field("sampling_ratio", self.sampling_ratio, "samples a bin and side, 0..64; 0 = as many as the bin has pixels, rounded up");
    field("origin", self.origin, "where coordinates begin; pixel_edges is torchvision's aligned=True");
  }
  ALLOY_API void validate() const;
};

/// The mean of bilinear samples in each bin (He et al. 2017, "Mask R-CNN", section 3). Outside the map by more than a pixel samples
/// are 0, so that a box outside the picture gives zeros. A box without height or width gives zeros with the ratio 0, else what lies there.
/// Maps in channels-last memory are read as they are, and give regions in channels-last memory; others are copied once.
/// @param features  [B, C, H, W], no side empty
/// @param boxes     [N, 4], x1 y1 x2 y2 in pixels of the picture (see check_boxes)
/// @param images    int64 [N], 0..B-1: whose box it is
/// @return [N, C, height, width]
/// @throws ShapeError, ConfigError; DataError for boxes that are refused, that lie 2^24 pixels of the map or more away, and for images out of range
ALLOY_API Tensor roi_align(const Tensor& features, const Tensor& boxes, const Tensor& images, const RoiAlignOptions& options = {});
/// @param boxes  one tensor [N_b, 4] an image; regions come in that order
ALLOY_API Tensor roi_align(const Tensor& features, const std::vector<Tensor>& boxes, const RoiAlignOptions& options = {});

struct RoiPoolOptions {
  int64_t height = 7;
  int64_t width = 7;
  double spatial_scale = 1.0;
  static void describe(auto& self, auto&& field) {
    field("height", self.height, "bins from top to bottom, 1..1024");
    field("width", self.width, "bins from left to right, 1..1024");
    field("spatial_scale", self.spatial_scale, "pixels of the map for a pixel of the boxes, > 0");
  }
  ALLOY_API void validate() const;
};

/// The maximum of each bin of whole pixels (Girshick 2015, "Fast R-CNN", section 2.1); 0 for a bin outside the map. Of equal values the first
/// gets the gradient. Parameters as above.
ALLOY_API Tensor roi_pool(const Tensor& features, const Tensor& boxes, const Tensor& images, const RoiPoolOptions& options = {});
ALLOY_API Tensor roi_pool(const Tensor& features, const std::vector<Tensor>& boxes, const RoiPoolOptions& options = {});

}  // namespace alloy
