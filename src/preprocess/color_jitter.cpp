// SPDX-License-Identifier: Apache-2.0
#include <alloy/preprocess/color_jitter.hpp>

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace alloy {

namespace {

/// A linear map of colours that keeps greys: a turn about the grey axis (Rodrigues) of what is left of the saturation.
Tensor color_map(double saturation, double turns) {
  const double c = std::cos(2 * std::numbers::pi * turns), s = std::sin(2 * std::numbers::pi * turns) / std::sqrt(3.0), third = (1 - c) / 3;
  const Tensor turn = torch::tensor({c + third, third - s, third + s, third + s, c + third, third - s, third - s, third + s, c + third}, torch::kDouble).view({3, 3});
  const Tensor luma = torch::tensor({0.299, 0.587, 0.114}, torch::kDouble).expand({3, 3});
  return at::matmul(turn, saturation * torch::eye(3, torch::kDouble) + (1 - saturation) * luma);
}

}  // namespace

void ColorJitterOptions::validate() const {
  for (const double value : {brightness, contrast, saturation})
    check<ConfigError>(value >= 0 && std::isfinite(value), "[color_jitter] expected brightness, contrast and saturation >= 0 and finite, got {}", {value});
  check<ConfigError>(hue >= 0 && hue <= 0.5, "[color_jitter] expected hue in 0..0.5, got {}", {hue});
}

Tensor color_jitter(const Tensor& image, const ColorJitterOptions& o, Random& random) {
  check<ShapeError>(image.defined() && image.dim() == 3 && image.is_cpu() && at::isFloatingType(image.scalar_type()) && image.numel() > 0 &&
                        (image.size(0) == 1 || image.size(0) == 3),
                    "[color_jitter] expected a floating image [1 or 3, H, W] on the CPU, got {}", {image});
  o.validate();
  const auto factor = [&](double strength) { return random.uniform(std::max(0.0, 1 - strength), 1 + strength); };
  const double brightness = factor(o.brightness), contrast = factor(o.contrast), saturation = factor(o.saturation);
  const double turns = random.uniform(-o.hue, o.hue);
  const Tensor mean = image.mean({1, 2});  // [C]
  Tensor x = image.flatten(1);             // [C, H W]
  double luma = 0;
  if (image.size(0) == 1) {
    luma = mean[0].item<double>();
    x = x * (brightness * contrast);
  } else {
    luma = 0.299 * mean[0].item<double>() + 0.587 * mean[1].item<double>() + 0.114 * mean[2].item<double>();
    x = at::matmul((color_map(saturation, turns) * (brightness * contrast)).to(x.scalar_type()), x);  // the map keeps the grey added below
  }
  return x.add_(brightness * (1 - contrast) * luma).clamp_(0.0, 1.0).view_as(image);
}

}  // namespace alloy
