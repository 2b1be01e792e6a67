// SPDX-License-Identifier: Apache-2.0
#include <alloy/preprocess/image_augment.hpp>

#include <torch/types.h>

#include <algorithm>
#include <cmath>

namespace alloy {

namespace {

void check_image(const Tensor& image, std::string_view where) {
  check<ShapeError>(image.defined() && image.dim() == 3 && image.is_cpu() && at::isFloatingType(image.scalar_type()) &&
                        image.numel() > 0,
                    "[{}] expected a floating image [C, H, W] on the CPU, got {}", {where, image});
}

// Random numbers come as double, one by one, in a fixed order; the dtype of the image has no part in them.
Tensor drawn(at::IntArrayRef shape, const Tensor& like, auto&& draw) {
  Tensor values = torch::empty(shape, torch::kDouble);
  std::generate_n(values.data_ptr<double>(), values.numel(), draw);
  return values.to(like.scalar_type());
}

}  // namespace

Tensor random_crop(const Tensor& image, int64_t padding, Random& random) {
  check_image(image, "random_crop");
  check<ConfigError>(padding >= 0 && padding <= 65536, "[random_crop] expected padding in 0..65536, got {}", {padding});
  const int64_t height = image.size(1), width = image.size(2);
  const int64_t down = random.below(2 * padding + 1) - padding, right = random.below(2 * padding + 1) - padding;
  Tensor result = at::zeros_like(image);
  const int64_t h = height - std::abs(down), w = width - std::abs(right);
  if (h <= 0 || w <= 0) return result;
  const auto part = [&](const Tensor& t, int64_t top, int64_t left) { return t.narrow(1, top, h).narrow(2, left, w); };
  part(result, std::max<int64_t>(-down, 0), std::max<int64_t>(-right, 0))
      .copy_(part(image, std::max<int64_t>(down, 0), std::max<int64_t>(right, 0)));
  return result;
}

Tensor random_horizontal_flip(const Tensor& image, Random& random, double probability) {
  check_image(image, "random_horizontal_flip");
  check<ConfigError>(probability >= 0 && probability <= 1, "[random_horizontal_flip] expected a probability in 0..1, got {}",
                     {probability});
  return random.chance(probability) ? image.flip(2) : image.clone();
}

Tensor add_gaussian_noise(const Tensor& image, double sigma, Random& random) {
  check_image(image, "add_gaussian_noise");
  check<ConfigError>(sigma >= 0 && std::isfinite(sigma), "[add_gaussian_noise] expected a finite sigma >= 0, got {}", {sigma});
  return image + drawn(image.sizes(), image, [&] { return sigma * random.normal(); });
}

Tensor salt_and_pepper(const Tensor& image, double fraction, Random& random) {
  check_image(image, "salt_and_pepper");
  check<ConfigError>(fraction >= 0 && fraction <= 1, "[salt_and_pepper] expected a fraction in 0..1, got {}", {fraction});
  Tensor u = torch::empty({1, image.size(1), image.size(2)}, torch::kDouble);  // one number a pixel
  std::generate_n(u.data_ptr<double>(), u.numel(), [&] { return random.uniform(); });
  const Tensor salt = (u < fraction / 2).to(image.scalar_type());
  return at::where(u < fraction, salt, image);
}

Tensor gaussian_blur(const Tensor& image, double sigma) {
  check_image(image, "gaussian_blur");
  check<ConfigError>(sigma >= 0 && sigma <= 1000, "[gaussian_blur] expected sigma in 0..1000, got {}", {sigma});
  const auto radius = static_cast<int64_t>(4.0 * sigma + 0.5);
  if (radius == 0) return image.clone();
  const Tensor offsets = torch::arange(-radius, radius + 1, torch::kDouble);
  Tensor kernel = (-0.5 * offsets.square() / (sigma * sigma)).exp();
  kernel = (kernel / kernel.sum()).to(image.scalar_type());  // [2 radius + 1]
  Tensor x = image.unsqueeze(1);                              // [C, 1, H, W]
  x = at::conv2d(at::replication_pad2d(x, {0, 0, radius, radius}), kernel.view({1, 1, -1, 1}));
  x = at::conv2d(at::replication_pad2d(x, {radius, radius, 0, 0}), kernel.view({1, 1, 1, -1}));
  return x.squeeze(1);  // [C, H, W]
}

Tensor scale_contrast(const Tensor& image, double factor) {
  check_image(image, "scale_contrast");
  check<ConfigError>(factor >= 0 && std::isfinite(factor), "[scale_contrast] expected a finite factor >= 0, got {}", {factor});
  return at::lerp(image.mean({1, 2}, /*keepdim=*/true), image, factor);
}

void RandomErasingOptions::validate() const {
  check<ConfigError>(probability >= 0 && probability <= 1, "[random_erasing] expected probability in 0..1, got {}", {probability});
  check<ConfigError>(min_area > 0 && min_area <= max_area && max_area <= 1,
                     "[random_erasing] expected 0 < min_area <= max_area <= 1, got {} and {}", {min_area, max_area});
  check<ConfigError>(min_aspect > 0 && min_aspect <= 1, "[random_erasing] expected min_aspect in (0, 1], got {}", {min_aspect});
  check<ConfigError>(std::isfinite(value), "[random_erasing] expected a finite value, got {}", {value});
}

Tensor random_erasing(const Tensor& image, const RandomErasingOptions& o, Random& random) {
  check_image(image, "random_erasing");
  o.validate();
  Tensor result = image.clone();
  if (!random.chance(o.probability)) return result;
  const int64_t height = image.size(1), width = image.size(2);
  for (int attempt = 0; attempt < 100; ++attempt) {
    const double area = random.uniform(o.min_area, o.max_area) * static_cast<double>(height * width);
    const double aspect = random.uniform(o.min_aspect, 1 / o.min_aspect);
    const auto h = std::llround(std::sqrt(area * aspect)), w = std::llround(std::sqrt(area / aspect));
    if (h < 1 || w < 1 || h > height || w > width) continue;
    const int64_t top = random.below(height - h + 1), left = random.below(width - w + 1);
    const Tensor rectangle = result.narrow(1, top, h).narrow(2, left, w);  // [C, h, w]
    if (o.fill == ErasingFill::value) rectangle.fill_(o.value);
    else rectangle.copy_(drawn(rectangle.sizes(), image, [&] { return random.uniform(); }));
    break;
  }
  return result;
}

}  // namespace alloy
