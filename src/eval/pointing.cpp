// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/pointing.hpp>

#include <ATen/Functions.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

namespace alloy {

namespace {

/// Quantile of the standard normal distribution above 1/2, by bisection.
double normal_quantile(double probability) {
  double low = 0, high = 10;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (0.5 * std::erfc(-middle / std::numbers::sqrt2) < probability ? low : high) = middle;
  }
  return low;
}

/// The interval of a bootstrap over k groups, as wide as Student's t of k - 1 degrees says, by its series in those of the normal quantile
/// (Abramowitz & Stegun 26.7.5; 3 % short at two degrees).
Score widened(Score score, int64_t groups, double confidence, double least, double most) {
  constexpr int64_t kMany = 50;
  if (groups >= kMany) return score;
  if (groups < 2) return {score.value, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()};
  const double z = normal_quantile(0.5 + confidence / 2), z2 = z * z, v = static_cast<double>(groups - 1);
  const double over_z = 1 + (z2 + 1) / (4 * v) + ((5 * z2 + 16) * z2 + 3) / (96 * v * v) + (((3 * z2 + 19) * z2 + 17) * z2 - 15) / (384 * v * v * v);
  const double factor = over_z * std::sqrt((v + 1) / v);
  score.low = std::max(least, score.value - factor * (score.value - score.low));
  score.high = std::min(most, score.value + factor * (score.high - score.value));
  return score;
}

}  // namespace

Score grouped_mean(const Tensor& values, const Tensor& groups, const BootstrapOptions& options) {
  constexpr auto kWhere = "grouped_mean";
  check_shape(values, {-1}, kWhere, "values");
  const int64_t count = values.size(0);
  check<DataError>(count > 0, "[{}] expected values, got none", {kWhere});
  const Tensor plain = values.detach().to(at::kDouble);
  const auto interval = [&](int64_t independent, const auto& statistic) {
    return widened(bootstrap(independent, statistic, options), independent, options.confidence, plain.min().item<double>(), plain.max().item<double>());
  };
  if (!groups.defined()) return interval(count, [&](const Tensor& index) { return plain.index_select(0, index).mean().item<double>(); });
  check_shape(groups, {count}, kWhere, "groups");
  check<DataError>(groups.min().item<int64_t>() >= 0, "[{}] expected groups >= 0, got {}", {kWhere, groups.min().item<int64_t>()});
  const Tensor all_sums = at::bincount(groups, plain), all_sizes = at::bincount(groups);
  const Tensor used = all_sizes.gt(0), sums = all_sums.masked_select(used), sizes = all_sizes.masked_select(used).to(at::kDouble);
  return interval(sums.size(0), [&](const Tensor& index) {
    return sums.index_select(0, index).sum().item<double>() / sizes.index_select(0, index).sum().item<double>();
  });
}

Tensor preference(const Tensor& of_true, const Tensor& of_false) {
  check_shape(of_true, {-1}, "preference", "scores of what is true");
  check_shape(of_false, {of_true.size(0)}, "preference", "scores of what is false");
  constexpr double kEqual = 1e-6;
  const Tensor difference = of_true - of_false;
  return at::where(difference.abs().le(kEqual), at::full({}, 0.5F), difference.gt(0).to(at::kFloat));
}

Image pointing_picture(const Tensor& picture, const Tensor& right, double row, double column, const PointingPictureOptions& options) {
  constexpr auto kWhere = "pointing_picture";
  check_shape(picture, {-1, -1}, kWhere, "the picture");
  check<ConfigError>(options.zoom >= 1 && options.zoom <= 32 && options.low < options.high,
                     "[{}] expected zoom in 1..32 and low < high, got {}, {} and {}", {kWhere, options.zoom, options.low, options.high});
  const int64_t zoom = options.zoom, height = picture.size(0), width = picture.size(1);
  if (right.defined()) check_shape(right, {height, width}, kWhere, "the right place");
  const Tensor grey =
      ((picture.detach().to(at::kFloat) - options.low) * (255 / (options.high - options.low))).clamp(0, 255).to(at::kByte).contiguous();
  const Tensor inside = right.defined() ? right.to(at::kBool).contiguous() : at::zeros({height, width}, at::kBool);
  const auto* value = grey.const_data_ptr<uint8_t>();
  const auto* mask = inside.const_data_ptr<bool>();

  Image image{.width = width * zoom,
              .height = height * zoom,
              .channels = 3,
              .pixels = std::vector<uint8_t>(static_cast<size_t>(width * zoom * height * zoom * 3))};
  const auto in = [&](int64_t y, int64_t x) {  // in pixels of the result
    return y >= 0 && x >= 0 && y < image.height && x < image.width && mask[y / zoom * width + x / zoom];
  };
  const double cross_y = (row + 0.5) * static_cast<double>(zoom), cross_x = (column + 0.5) * static_cast<double>(zoom),
               reach = 3.0 * static_cast<double>(zoom);
  const bool cross = row >= 0 && column >= 0;
  constexpr std::array<uint8_t, 3> kOutline{60, 200, 220}, kCross{255, 196, 0};
  auto* out = image.pixels.data();
  for (int64_t y = 0; y < image.height; ++y)
    for (int64_t x = 0; x < image.width; ++x, out += 3) {
      std::fill_n(out, 3, value[y / zoom * width + x / zoom]);
      const bool border = in(y, x) != in(y - 1, x) || in(y, x) != in(y, x - 1) || in(y, x) != in(y + 1, x) || in(y, x) != in(y, x + 1);
      if (border) std::ranges::copy(kOutline, out);
      const double dy = std::abs(static_cast<double>(y) + 0.5 - cross_y), dx = std::abs(static_cast<double>(x) + 0.5 - cross_x);
      if (cross && std::min(dx, dy) <= 1 && std::max(dx, dy) <= reach && std::max(dx, dy) > 0.3 * reach) std::ranges::copy(kCross, out);
    }
  return image;
}

}  // namespace alloy
