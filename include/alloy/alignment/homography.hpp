// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Pictures of a plane seen from elsewhere: one picture brought into the view of another, say a thermal camera's into a colour camera's.

#include <alloy/alignment/boxes.hpp>

namespace alloy {

struct WarpedPicture {
  Tensor values;  ///< [B, C, size.height, size.width], bilinear; 0 where the mask is false
  Tensor mask;    ///< [B, size.height, size.width] bool: the place lies between middles of pixels of the input, or on one
};

/// out(H x) = in(x), as OpenCV's warpPerspective; x = (column, row, 1), the first pixel has its middle at 0. Places behind the plane's
/// horizon are masked. Differentiable in the picture and in the homography (float or double, once).
/// @param pictures    [B, C, H, W], floating, no side empty
/// @param homography  [3, 3] for all or [B, 3, 3], from the input's pixels to the output's; its scale does not matter
/// @throws ShapeError, ConfigError; DataError for a homography that is not finite or has no inverse
ALLOY_API WarpedPicture warp_homography(const Tensor& pictures, const Tensor& homography, PictureSize size);

/// Points through a homography: [..., 2] to [..., 2] by [3, 3]. A point on the horizon gives infinity, or NaN.
ALLOY_API Tensor apply_homography(const Tensor& points, const Tensor& homography);

}  // namespace alloy
