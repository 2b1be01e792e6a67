// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/projection.hpp>

#include <ATen/Functions.h>

#include <cmath>
#include <limits>

namespace alloy {

namespace {

void check_camera(const Camera& camera, const Tensor& like, std::string_view where) {
  check_floating(like, where, "input");
  check_shape(camera.intrinsics, {3, 3}, where, "intrinsics");
  if (camera.extrinsics.defined()) {
    check<ShapeError>(
        camera.extrinsics.dim() == 2 && (camera.extrinsics.size(0) == 3 || camera.extrinsics.size(0) == 4) && camera.extrinsics.size(1) == 4,
        "[{}] expected extrinsics [3, 4] or [4, 4], got {}", {where, camera.extrinsics});
  }
  if (camera.distortion.defined())
    check<ShapeError>(camera.distortion.dim() == 1 && (camera.distortion.size(0) == 4 || camera.distortion.size(0) == 5),
                      "[{}] expected distortion [4] or [5], got {}", {where, camera.distortion});
  for (const Tensor& part : {camera.intrinsics, camera.extrinsics, camera.distortion}) {
    if (!part.defined()) continue;
    check<ShapeError>(part.scalar_type() == like.scalar_type() && part.device() == like.device(),
                      "[{}] expected the camera in the dtype and on the device of {}, got {}", {where, like, part});
    check<DataError>(part.detach().isfinite().all().item<bool>(), "[{}] expected a finite camera, got NaN or infinity in {}", {where, part});
  }
  const double fx = camera.intrinsics[0][0].item<double>(), fy = camera.intrinsics[1][1].item<double>();
  check<DataError>(fx != 0 && fy != 0, "[{}] expected focal lengths other than 0, got {} and {}", {where, fx, fy});
}

/// x, y on the plane at depth 1, bent as the lens does (Brown 1966; OpenCV's order of coefficients).
std::pair<Tensor, Tensor> distort(const Tensor& x, const Tensor& y, const Tensor& d) {
  if (!d.defined()) return {x, y};
  const Tensor r2 = x * x + y * y, xy = x * y;
  Tensor radial = d[1] * r2;
  if (d.size(0) == 5) radial = radial + d[4] * r2 * r2;
  radial = 1 + (d[0] + radial) * r2;
  return {x * radial + 2 * d[2] * xy + d[3] * (r2 + 2 * x * x), y * radial + d[2] * (r2 + 2 * y * y) + 2 * d[3] * xy};
}

}  // namespace

ProjectedPoints project_points(const Tensor& points, const Camera& camera, const ProjectionOptions& options) {
  constexpr auto kWhere = "project_points";
  check_camera(camera, points, kWhere);
  check<ShapeError>(points.dim() >= 1 && points.size(-1) == 3, "[{}] expected points [..., 3], got {}", {kWhere, points});
  check<ConfigError>(options.nearest > 0, "[{}] expected nearest > 0, got {}", {kWhere, options.nearest});
  check<ConfigError>((options.picture.height > 0) == (options.picture.width > 0) && options.picture.height >= 0 && options.picture.width >= 0,
                     "[{}] expected a picture with height and width > 0, or neither, got {} x {}",
                     {kWhere, options.picture.height, options.picture.width});
  // What cannot be seen goes through as a point that can, so that neither value nor gradient of it becomes NaN.
  const Tensor zero = at::zeros({}, points.options()), one = at::ones({}, points.options());
  const Tensor finite = points.detach().isfinite().all(-1);
  Tensor p = at::where(finite.unsqueeze(-1), points, zero);  // [..., 3]
  if (camera.extrinsics.defined()) p = p.matmul(camera.extrinsics.slice(0, 0, 3).slice(1, 0, 3).t()) + camera.extrinsics.slice(0, 0, 3).select(1, 3);
  const Tensor z = p.select(-1, 2);
  Tensor visible = finite.logical_and(z.detach() >= options.nearest);
  const Tensor seen = visible.unsqueeze(-1), safe = at::where(visible, z, one);
  const auto plane = [&](int64_t axis) { return at::where(visible, p.select(-1, axis), zero) / safe; };
  const auto [x, y] = distort(plane(0), plane(1), camera.distortion);
  const Tensor& k = camera.intrinsics;
  Tensor pixels = at::stack({k[0][0] * x + k[0][1] * y + k[0][2], k[1][1] * y + k[1][2]}, -1);  // [..., 2]
  if (options.picture.height > 0) {
    const auto inside = [&](int64_t axis, int64_t size) {
      const Tensor at = pixels.detach().select(-1, axis);
      return at.ge(-0.5).logical_and(at.lt(static_cast<double>(size) - 0.5));
    };
    visible = visible.logical_and(inside(0, options.picture.width)).logical_and(inside(1, options.picture.height));
    pixels = at::where(visible.unsqueeze(-1), pixels, zero);
  } else {
    pixels = at::where(seen, pixels, zero);
  }
  return {.pixels = pixels, .depth = at::where(finite, z, zero), .visible = visible};
}

Tensor depth_to_points(const Tensor& depth, const Camera& camera) {
  constexpr auto kWhere = "depth_to_points";
  check_camera(camera, depth, kWhere);
  check<ShapeError>(depth.dim() >= 2 && depth.numel() > 0, "[{}] expected depth [..., H, W], got {}", {kWhere, depth});
  check<ConfigError>(!camera.distortion.defined(), "[{}] expected a camera without distortion, got {}; rectify the picture first",
                     {kWhere, camera.distortion});
  const Tensor& k = camera.intrinsics;
  const Tensor row = at::arange(depth.size(-2), depth.options()).unsqueeze(1), column = at::arange(depth.size(-1), depth.options()).unsqueeze(0);
  const Tensor y = (row - k[1][2]) / k[1][1], x = (column - k[0][2] - k[0][1] * y) / k[0][0];  // [H, 1], [H, W]
  const Tensor known = depth.detach().isfinite().logical_and(depth.detach() > 0);
  const Tensor z = at::where(known, depth, at::ones({}, depth.options()));
  Tensor p = at::stack({x * z, y * z, z}, -1);  // [..., H, W, 3]
  if (camera.extrinsics.defined()) {
    const Tensor r = camera.extrinsics.slice(0, 0, 3).slice(1, 0, 3), t = camera.extrinsics.slice(0, 0, 3).select(1, 3);
    check<DataError>(std::abs(at::linalg_det(r.detach()).item<double>()) > 1e-9, "[{}] expected extrinsics with an inverse, got a singular rotation",
                     {kWhere});
    p = (p - t).matmul(at::linalg_inv(r).t());
  }
  return at::where(known.unsqueeze(-1), p, at::full({}, std::numeric_limits<double>::quiet_NaN(), depth.options()));
}

}  // namespace alloy
