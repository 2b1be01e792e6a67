// SPDX-License-Identifier: Apache-2.0
#include <alloy/preprocess/image_affine.hpp>

#include <ATen/Dispatch.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace alloy {

namespace {

void check_image(const Tensor& image, std::string_view where) {
  check<ShapeError>(image.defined() && image.dim() == 3 && image.is_cpu() && at::isFloatingType(image.scalar_type()) && image.numel() > 0,
                    "[{}] expected a floating image [C, H, W] on the CPU, got {}", {where, image});
}

bool is_finite(const std::vector<double>& values) {
  return std::ranges::all_of(values, [](double value) { return std::isfinite(value); });
}

struct Point {
  double x = 0, y = 0;
};

/// Where in the image a pixel of the result comes from: start + x across + y down.
struct InverseMove {
  Point start, across, down;
};

InverseMove inverse_of(const AffineMove& move, int64_t height, int64_t width) {
  constexpr double kDegree = std::numbers::pi / 180;
  const double c = std::cos(move.rotation * kDegree), s = std::sin(move.rotation * kDegree), k = std::tan(move.shear * kDegree);
  // Forward: scale [c, s; -s, c] [1, k; 0, 1], y pointing down.
  const double a00 = move.scale * c, a01 = move.scale * (c * k + s), a10 = -move.scale * s, a11 = move.scale * (c - s * k);
  const double determinant = move.scale * move.scale;
  InverseMove inverse{.start = {}, .across = {a11 / determinant, -a10 / determinant}, .down = {-a01 / determinant, a00 / determinant}};
  const double middle_x = static_cast<double>(width - 1) / 2, middle_y = static_cast<double>(height - 1) / 2;
  const double from_x = -middle_x - move.right, from_y = -middle_y - move.down;  // of the pixel (0, 0), from the middle
  inverse.start = {middle_x + inverse.across.x * from_x + inverse.down.x * from_y, middle_y + inverse.across.y * from_x + inverse.down.y * from_y};
  return inverse;
}

/// The four pixels around a place and what each counts.
template <class T>
struct Taps {
  int64_t left = 0, top = 0;
  T across = 0, below = 0;  ///< 0..1, how far the place is from the left and upper ones
  bool inside = false;      ///< all four are pixels of the image
};

/// One channel [height, width] at a place; what lies outside is 0.
template <class T>
T value_at(const T* in, int64_t height, int64_t width, const Taps<T>& t) {
  const auto at = [&](int64_t y, int64_t x) {
    const bool real = t.inside || (y >= 0 && y < height && x >= 0 && x < width);
    return real ? in[y * width + x] : T(0);
  };
  return (1 - t.below) * ((1 - t.across) * at(t.top, t.left) + t.across * at(t.top, t.left + 1)) +
         t.below * ((1 - t.across) * at(t.top + 1, t.left) + t.across * at(t.top + 1, t.left + 1));
}

/// in and out: [channels, height, width]; out is zero.
template <class T>
void move_pixels(const T* in, T* out, int64_t channels, int64_t height, int64_t width, const InverseMove& m) {
  const auto right_edge = static_cast<double>(width), lower_edge = static_cast<double>(height);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) {
      const double from_x = m.start.x + static_cast<double>(x) * m.across.x + static_cast<double>(y) * m.down.x;
      const double from_y = m.start.y + static_cast<double>(x) * m.across.y + static_cast<double>(y) * m.down.y;
      if (!(from_x > -1 && from_y > -1 && from_x < right_edge && from_y < lower_edge)) continue;
      Taps<T> taps{.left = static_cast<int64_t>(from_x + 1) - 1, .top = static_cast<int64_t>(from_y + 1) - 1};  // rounded down
      taps.across = static_cast<T>(from_x - static_cast<double>(taps.left));
      taps.below = static_cast<T>(from_y - static_cast<double>(taps.top));
      taps.inside = taps.left >= 0 && taps.top >= 0 && taps.left + 1 < width && taps.top + 1 < height;
      for (int64_t c = 0; c < channels; ++c) out[(c * height + y) * width + x] = value_at(in + c * height * width, height, width, taps);
    }
}

}  // namespace

Tensor affine_image(const Tensor& image, const AffineMove& move, const std::vector<double>& fill) {
  check_image(image, "affine_image");
  check<ConfigError>(move.scale > 0 && std::isfinite(move.scale) && std::abs(move.shear) <= 80, "[affine_image] expected scale > 0 and shear within +-80, got {} and {}",
                     {move.scale, move.shear});
  check<ConfigError>(is_finite({move.rotation, move.right, move.down}), "[affine_image] expected finite numbers, got rotation {}, right {}, down {}",
                     {move.rotation, move.right, move.down});
  check<ConfigError>(is_finite(fill) && (fill.size() == 1 || static_cast<int64_t>(fill.size()) == image.size(0)),
                     "[affine_image] expected 1 or {} finite values of fill, got {}", {image.size(0), fill.size()});
  const auto type = image.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const Tensor outside = torch::tensor(fill, type).view({-1, 1, 1});
  const Tensor in = (image.to(type) - outside).contiguous(), out = at::zeros_like(in);
  const InverseMove inverse = inverse_of(move, in.size(1), in.size(2));
  AT_DISPATCH_FLOATING_TYPES(type, "affine_image", [&] {
    move_pixels(in.const_data_ptr<scalar_t>(), out.mutable_data_ptr<scalar_t>(), in.size(0), in.size(1), in.size(2), inverse);
  });
  return (out + outside).to(image.scalar_type());
}

void RandomAffineOptions::validate() const {
  check<ConfigError>(rotation >= 0 && rotation <= 180, "[random_affine] expected rotation in 0..180, got {}", {rotation});
  check<ConfigError>(shift >= 0 && shift <= 1, "[random_affine] expected shift in 0..1, got {}", {shift});
  check<ConfigError>(min_scale >= 0.01 && min_scale <= max_scale && max_scale <= 100, "[random_affine] expected 0.01 <= min_scale <= max_scale <= 100, got {} and {}",
                     {min_scale, max_scale});
  check<ConfigError>(shear >= 0 && shear <= 80, "[random_affine] expected shear in 0..80, got {}", {shear});
  check<ConfigError>(!fill.empty() && is_finite(fill), "[random_affine] expected finite values of fill, at least one");
}

Tensor random_affine(const Tensor& image, const RandomAffineOptions& o, Random& random) {
  check_image(image, "random_affine");
  o.validate();
  const auto either_way = [&](double most) { return random.uniform(-most, most); };
  AffineMove move;
  move.rotation = either_way(o.rotation);
  move.right = either_way(o.shift) * static_cast<double>(image.size(2));
  move.down = either_way(o.shift) * static_cast<double>(image.size(1));
  move.scale = std::exp(random.uniform(std::log(o.min_scale), std::log(o.max_scale)));
  move.shear = either_way(o.shear);
  return affine_image(image, move, o.fill);
}

}  // namespace alloy
