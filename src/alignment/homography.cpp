// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/homography.hpp>

#include <ATen/Functions.h>

namespace alloy {

namespace {

constexpr int64_t kBilinear = 0, kZeros = 0;  // of grid_sampler

/// [B or 1, 3, 3]
Tensor checked_homography(const Tensor& homography, const Tensor& pictures) {
  constexpr auto kWhere = "warp_homography";
  check<ShapeError>(homography.defined() && (homography.dim() == 2 || homography.dim() == 3) && homography.size(-1) == 3 &&
                        homography.size(-2) == 3 && (homography.dim() == 2 || homography.size(0) == pictures.size(0)),
                    "[{}] expected a homography [3, 3] or [{}, 3, 3], got {}", {kWhere, pictures.size(0), homography});
  check<ShapeError>(homography.scalar_type() == pictures.scalar_type() && homography.device() == pictures.device(),
                    "[{}] expected a homography in the dtype and on the device of the pictures, got {} and {}", {kWhere, homography, pictures});
  const Tensor h = homography.dim() == 2 ? homography.unsqueeze(0) : homography;
  check<DataError>(h.detach().isfinite().all().item<bool>(), "[{}] expected a finite homography, got NaN or infinity", {kWhere});
  // The ratio of the outer singular values does not depend on the scale, as the determinant would.
  const Tensor singular = at::linalg_svdvals(h.detach().to(at::kDouble));  // [., 3], falling
  const Tensor bad = singular.select(1, 2).le(1e-12 * singular.select(1, 0));
  if (bad.any().item<bool>())
    fail<DataError>("[{}] expected a homography with an inverse, got a singular one at {}", {kWhere, bad.nonzero()[0][0].item<int64_t>()});
  return h;
}

}  // namespace

WarpedPicture warp_homography(const Tensor& pictures, const Tensor& homography, PictureSize size) {
  constexpr auto kWhere = "warp_homography";
  check_shape(pictures, {-1, -1, -1, -1}, kWhere, "pictures");
  check_floating(pictures, kWhere, "pictures");
  check<ShapeError>(pictures.numel() > 0, "[{}] expected pictures without an empty side, got {}", {kWhere, pictures});
  check<ConfigError>(size.height > 0 && size.width > 0, "[{}] expected height and width > 0, got {} x {}", {kWhere, size.height, size.width});
  const Tensor h = checked_homography(homography, pictures);
  const auto options = pictures.options().requires_grad(false);
  const Tensor columns = at::arange(size.width, options).expand({size.height, size.width}),
               rows = at::arange(size.height, options).unsqueeze(1).expand({size.height, size.width});
  const Tensor targets = at::stack({columns, rows, at::ones_like(columns)}, -1).view({1, -1, 3});
  const Tensor places = targets.matmul(at::linalg_inv(h).transpose(1, 2)).expand({pictures.size(0), -1, 3}).view({-1, size.height, size.width, 3});
  // The third coordinate changes its sign at the horizon. The side of the input's middle is the one that is seen.
  const double height = static_cast<double>(pictures.size(2)), width = static_cast<double>(pictures.size(3));
  const Tensor middle = at::tensor({(width - 1) / 2, (height - 1) / 2, 1.0}, at::kDouble).to(options);
  const Tensor side = at::where(h.detach().select(1, 2).matmul(middle) < 0, at::full({}, -1, options), at::ones({}, options)).view({-1, 1, 1});
  const Tensor w = places.select(3, 2) * side, seen = w.detach() > 0, one = at::ones({}, options);
  const Tensor safe = at::where(seen, w, one) * side;
  const Tensor x = places.select(3, 0) / safe, y = places.select(3, 1) / safe;  // pixels of the input
  const auto between = [](const Tensor& v, double last) { return v.detach().ge(-1e-4).logical_and(v.detach().le(last + 1e-4)); };
  const Tensor mask = seen.logical_and(between(x, width - 1)).logical_and(between(y, height - 1));
  // grid_sampler counts from -1 to 1 between the outer middles; a side of one pixel has its only middle at 0.
  const auto unit = [&](const Tensor& v, double last) {
    return at::where(mask, last > 0 ? v * (2 / last) - 1 : at::zeros_like(v), at::full({}, -3, options));
  };
  const Tensor grid = at::stack({unit(x.clamp(0, width - 1), width - 1), unit(y.clamp(0, height - 1), height - 1)}, -1);
  const Tensor values = at::grid_sampler(pictures, grid, kBilinear, kZeros, /*align_corners=*/true);
  return {.values = at::where(mask.unsqueeze(1), values, at::zeros({}, options)), .mask = mask};
}

Tensor apply_homography(const Tensor& points, const Tensor& homography) {
  constexpr auto kWhere = "apply_homography";
  check_floating(points, kWhere, "points");
  check<ShapeError>(points.dim() >= 1 && points.size(-1) == 2, "[{}] expected points [..., 2], got {}", {kWhere, points});
  check_shape(homography, {3, 3}, kWhere, "homography");
  check<ShapeError>(homography.scalar_type() == points.scalar_type(), "[{}] expected one dtype, got {} and {}", {kWhere, points, homography});
  const Tensor mapped = points.matmul(homography.slice(1, 0, 2).t()) + homography.select(1, 2);  // [..., 3]
  return mapped.slice(-1, 0, 2) / mapped.slice(-1, 2, 3);
}

}  // namespace alloy
