// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Boxes in pictures: forms, overlap, clipping. A box is x1, y1, x2, y2 in pixels, from the left and top, where the first pixel
/// covers 0..1: its width is x2 - x1. Definitions are torchvision's. Differentiable in the boxes, on any device, float or double.
///
/// A box is refused (DataError naming its row) if it holds NaN or infinity or has a negative side; sides of zero are allowed,
/// and so is a place outside the picture, which only `clip_boxes` knows. No boxes at all ([0, 4]) give empty results.

#include <alloy/core/options.hpp>
#include <alloy/core/tensor.hpp>

#include <array>
#include <utility>

namespace alloy {

enum class BoxFormat {
  xyxy,    ///< left, top, right, bottom
  xywh,    ///< left, top, width, height
  cxcywh,  ///< middle, width, height
};
constexpr auto enum_names(BoxFormat) {
  return std::to_array<std::pair<BoxFormat, std::string_view>>({{BoxFormat::xyxy, "xyxy"}, {BoxFormat::xywh, "xywh"}, {BoxFormat::cxcywh, "cxcywh"}});
}

/// Height and width of a picture in pixels, > 0.
struct PictureSize {
  int64_t height = 0, width = 0;
};

/// @param boxes  [..., 4], floating, in the form `from`; values are not looked at
/// @return [..., 4] in the form `to`
ALLOY_API Tensor box_convert(const Tensor& boxes, BoxFormat from, BoxFormat to);
/// [N, 4] to [N], square pixels.
ALLOY_API Tensor box_area(const Tensor& boxes);
/// Moves what lies outside a picture onto its border; a box that lies outside wholly gets a side of zero. No gradient where it was moved.
/// @param boxes  [..., 4], floating
ALLOY_API Tensor clip_boxes(const Tensor& boxes, PictureSize size);

/// Intersection over union of all pairs, 0..1; 0 where both boxes are empty. Touching is no overlap.
/// @param a, b  [N, 4] and [M, 4] @return [N, M]
/// @throws ShapeError; DataError for a box that is refused
ALLOY_API Tensor box_iou(const Tensor& a, const Tensor& b);
/// Generalised IoU of all pairs, -1..1: the overlap less the share of the hull that neither box covers (Rezatofighi et al. 2019,
/// eq. 3), which has a gradient for boxes that do not touch too. A hull without area counts as covered.
/// @param a, b  [N, 4] and [M, 4] @return [N, M]
ALLOY_API Tensor giou(const Tensor& a, const Tensor& b);
/// The same for partners, row by row: [N, 4] and [N, 4] to [N]. 1 - this is the loss of the paper.
ALLOY_API Tensor paired_giou(const Tensor& a, const Tensor& b);

/// Refuses boxes as said above. @param where  the caller, for the message @param boxes  [N, 4] floating
ALLOY_API void check_boxes(const Tensor& boxes, std::string_view where);

}  // namespace alloy
