// SPDX-License-Identifier: Apache-2.0
#include <alloy/preprocess/background.hpp>

#include <torch/types.h>

#include <cmath>
#include <numbers>

namespace alloy {

Tensor flatten_alpha(const Tensor& image, const std::vector<double>& colour) {
  check<ShapeError>(image.defined() && image.dim() == 3 && image.scalar_type() == at::kByte && image.is_cpu() && (image.size(2) == 2 || image.size(2) == 4),
                    "[flatten_alpha] expected an image uint8 [H, W, 2 or 4] on the CPU, got {}", {image});
  const int64_t channels = image.size(2) - 1;
  check<ConfigError>(colour.size() == 1 || static_cast<int64_t>(colour.size()) == channels, "[flatten_alpha] expected 1 or {} values of colour, got {}", {channels, colour.size()});
  std::array<int, 3> behind{};
  for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
    const double value = colour[colour.size() == 1 ? 0 : c];
    check<ConfigError>(value >= 0 && value <= 1, "[flatten_alpha] expected a colour in 0..1, got {}", {value});
    behind[c] = static_cast<int>(std::lround(value * 255));
  }
  const Tensor source = image.contiguous(), result = at::empty({image.size(0), image.size(1), channels}, image.options());
  const uint8_t* in = source.const_data_ptr<uint8_t>();
  uint8_t* out = result.mutable_data_ptr<uint8_t>();
  for (int64_t pixel = image.size(0) * image.size(1); pixel > 0; --pixel, in += channels + 1, out += channels) {
    const int alpha = in[channels];
    for (int64_t c = 0; c < channels; ++c) out[c] = static_cast<uint8_t>((alpha * in[c] + (255 - alpha) * behind[static_cast<size_t>(c)] + 127) / 255);
  }
  return result;
}

void RandomBackgroundOptions::validate() const {
  check<ConfigError>(gradient >= 0 && gradient <= 1, "[random_background] expected gradient in 0..1, got {}", {gradient});
}

Tensor random_backdrop(int64_t channels, ImageSize size, const RandomBackgroundOptions& options, Random& random) {
  options.validate();
  check<ConfigError>((channels == 1 || channels == 3) && size.height > 0 && size.width > 0, "[random_backdrop] expected 1 or 3 channels and sides > 0, got {}, {} and {}",
                     {channels, size.height, size.width});
  const auto colour = [&] {
    Tensor values = at::empty({channels, 1, 1}, at::kFloat);
    for (int64_t c = 0; c < channels; ++c) values.mutable_data_ptr<float>()[c] = static_cast<float>(random.uniform());
    return values;
  };
  const Tensor first = colour();
  if (!random.chance(options.gradient)) return first.expand({channels, size.height, size.width}).contiguous();
  const Tensor second = colour();
  const double angle = random.uniform(0, 2 * std::numbers::pi), x = std::cos(angle), y = std::sin(angle);
  const auto height = static_cast<double>(size.height), width = static_cast<double>(size.width);
  const double length = height * std::abs(y) + width * std::abs(x);  // from the first corner to the last
  const Tensor across = (torch::arange(size.width, torch::kFloat) + (0.5 - width / 2)) * (x / length);                // [W]
  const Tensor down = ((torch::arange(size.height, torch::kFloat) + (0.5 - height / 2)) * (y / length)).unsqueeze(1);  // [H, 1]
  return at::lerp(first, second, (across + down + 0.5).unsqueeze(0));
}

Tensor random_background(const Tensor& image, const RandomBackgroundOptions& options, Random& random) {
  check<ShapeError>(image.defined() && image.dim() == 3 && image.is_cpu() && at::isFloatingType(image.scalar_type()) && image.numel() > 0 &&
                        (image.size(0) == 2 || image.size(0) == 4),
                    "[random_background] expected a floating image [2 or 4, H, W] with alpha on the CPU, got {}", {image});
  const int64_t channels = image.size(0) - 1;
  const Tensor backdrop = random_backdrop(channels, {image.size(1), image.size(2)}, options, random).to(image.scalar_type());
  return at::lerp(backdrop, image.narrow(0, 0, channels), image.narrow(0, channels, 1));
}

}  // namespace alloy
