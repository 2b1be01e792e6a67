// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Points in space to pixels of a camera, and depth pictures back to points: what a lidar saw, laid over a photo.
/// The camera looks along z, x to the right, y down; the first pixel has its middle at 0, as in OpenCV and most calibration files
/// (boxes have it at 0.5: add 0.5). Differentiable in everything, float or double.

#include <alloy/alignment/boxes.hpp>

namespace alloy {

struct Camera {
  Tensor intrinsics;       ///< [3, 3]: fx 0 cx, 0 fy cy, 0 0 1, in pixels; fx and fy not 0. A skew beside fx is kept
  Tensor extrinsics = {};  ///< [3, 4] or [4, 4], from the world to the camera: x_camera = R x + t; undefined = the same
  Tensor distortion = {};  ///< [4] or [5]: k1 k2 p1 p2 k3 of Brown and Conrady, OpenCV's order; undefined = none
};

struct ProjectedPoints {
  Tensor pixels;   ///< [..., 2]: x, y; zeros where not visible, without gradient there
  Tensor depth;    ///< [...]: along the camera's z, in the unit of the points, of those behind the camera too; 0 for points that are not finite
  Tensor visible;  ///< [...] bool: at least `nearest` before the camera, finite, and inside the picture where one is given
};

struct ProjectionOptions {
  double nearest = 1e-6;     ///< smallest depth that is seen, > 0
  PictureSize picture = {};  ///< -0.5 .. width - 0.5 is inside; zeros = any pixel is
};

/// Points that are not finite, as sensors give for rays that hit nothing, are not visible.
/// @param points  [..., 3] in world coordinates, the dtype of the camera's
/// @throws ShapeError; DataError for a focal length of 0 and a camera that is not finite; ConfigError
ALLOY_API ProjectedPoints project_points(const Tensor& points, const Camera& camera, const ProjectionOptions& options = {});

/// The other way: a point in the world for each pixel of a depth picture (no distortion).
/// @param depth  [..., H, W] along z; a pixel without depth (0, or not finite) gives a point of NaN, which project_points masks
/// @return [..., H, W, 3]
/// @throws as above; ConfigError for a camera with distortion; DataError for extrinsics that have no inverse
ALLOY_API Tensor depth_to_points(const Tensor& depth, const Camera& camera);

}  // namespace alloy
