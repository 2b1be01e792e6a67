// SPDX-License-Identifier: Apache-2.0
#include <alloy/preprocess/background.hpp>
#include <alloy/preprocess/image.hpp>

#include "preprocess/detail/resample.hpp"

#include <torch/types.h>

#include <cmath>

namespace alloy {

namespace {

void check_image(const Tensor& image, std::string_view where) {
  check<ShapeError>(image.defined() && image.dim() == 3 && image.scalar_type() == at::kByte && image.is_cpu() &&
                        image.numel() > 0 && (image.size(2) == 1 || image.size(2) == 3),
                    "[{}] expected an image uint8 [H, W, 1 or 3] on the CPU, got {}", {where, image});
}

void check_size(ImageSize size, std::string_view where) {
  const auto fits = [](int64_t side) { return side >= 1 && side <= kMaxImageSide; };
  check<ConfigError>(fits(size.height) && fits(size.width), "[{}] expected sides in 1..{}, got {} x {}",
                     {where, kMaxImageSide, size.height, size.width});
}

bool all_positive_and_finite(const std::vector<double>& values) {
  for (const double value : values)
    if (!(value > 0) || !std::isfinite(value)) return false;
  return true;
}

int64_t middle_of(int64_t whole, int64_t part) { return (whole - part) / 2; }

}  // namespace

Tensor resize_image(const Tensor& image, ImageSize size, Interpolation filter) {
  check_image(image, "resize_image");
  check_size(size, "resize_image");
  return detail::resample(image.contiguous(), size, {0, size.height}, {0, size.width}, filter);
}

ImageSize fit_shorter_side(ImageSize size, int64_t shorter_side) {
  check<ConfigError>(size.height > 0 && size.width > 0 && shorter_side > 0 && shorter_side <= kMaxImageSide,
                     "[fit_shorter_side] expected sides > 0 and a shorter side in 1..{}, got {} x {} and {}",
                     {kMaxImageSide, size.height, size.width, shorter_side});
  if (size.height <= size.width) return {shorter_side, shorter_side * size.width / size.height};
  return {shorter_side * size.height / size.width, shorter_side};
}

Tensor image_to_tensor(const Tensor& image) {
  check<ShapeError>(image.defined() && image.dim() == 3 && image.scalar_type() == at::kByte,
                    "[image_to_tensor] expected an image uint8 [H, W, C], got {}", {image});
  return image.permute({2, 0, 1}).to(at::kFloat).contiguous().div_(255.0);  // [C, H, W]
}

Tensor center_crop(const Tensor& image, ImageSize size) {
  check_shape(image, {-1, -1, -1}, "center_crop", "an image [C, H, W]");
  check_size(size, "center_crop");
  const int64_t height = image.size(1), width = image.size(2);
  const int64_t h = std::min(height, size.height), w = std::min(width, size.width);
  const Tensor part = image.narrow(1, middle_of(height, h), h).narrow(2, middle_of(width, w), w);  // [C, h, w]
  Tensor result = at::zeros({image.size(0), size.height, size.width}, image.options());
  // An odd margin is one wider above and to the left.
  result.narrow(1, (size.height - h + 1) / 2, h).narrow(2, (size.width - w + 1) / 2, w).copy_(part);
  return result;
}

Tensor normalise_image(const Tensor& image, const std::vector<double>& mean, const std::vector<double>& std) {
  check_shape(image, {-1, -1, -1}, "normalise_image", "an image [C, H, W]");
  check_floating(image, "normalise_image", "an image");
  const auto channels = static_cast<size_t>(image.size(0));
  const auto fits = [&](const std::vector<double>& values) { return values.size() == 1 || values.size() == channels; };
  check<ShapeError>(fits(mean) && fits(std), "[normalise_image] expected 1 or {} numbers of mean and of std, got {} and {}",
                    {channels, mean.size(), std.size()});
  check<ConfigError>(all_positive_and_finite(std), "[normalise_image] expected every std > 0 and finite");
  const auto column = [&](const std::vector<double>& values) {
    return torch::tensor(values, image.options()).view({-1, 1, 1});
  };
  return (image - column(mean)) / column(std);
}

Tensor convert_channels(const Tensor& image, int64_t channels) {
  check_image(image, "convert_channels");
  check<ConfigError>(channels == 1 || channels == 3, "[convert_channels] expected channels 1 or 3, got {}", {channels});
  if (image.size(2) == channels) return image;
  if (channels == 3) return image.expand({-1, -1, 3}).contiguous();
  const Tensor pixels = image.contiguous(), result = at::empty({image.size(0), image.size(1), 1}, image.options());
  const uint8_t* in = pixels.const_data_ptr<uint8_t>();
  uint8_t* out = result.mutable_data_ptr<uint8_t>();
  for (int64_t i = 0; i < result.numel(); ++i, in += 3) out[i] = static_cast<uint8_t>((in[0] * 19595 + in[1] * 38470 + in[2] * 7471 + 0x8000) >> 16);  // 0.299, 0.587, 0.114
  return result;
}

void ImageTransformOptions::validate() const {
  const auto in_range = [](int64_t side) { return side >= 1 && side <= kMaxImageSide; };
  check<ConfigError>(in_range(size), "[ImageTransform] expected size in 1..{}, got {}", {kMaxImageSide, size});
  check<ConfigError>(shorter_side == 0 || (shorter_side >= size && in_range(shorter_side)),
                     "[ImageTransform] expected shorter_side 0 or in {}..{} (size and up), got {}",
                     {size, kMaxImageSide, shorter_side});
  check<ConfigError>(channels == 1 || channels == 3, "[ImageTransform] expected channels 1 or 3, got {}", {channels});
  const auto fits = [&](const std::vector<double>& values) {
    return values.size() == 1 || static_cast<int64_t>(values.size()) == channels;
  };
  check<ConfigError>(fits(mean) && fits(std), "[ImageTransform] expected 1 or {} numbers of mean and of std, got {} and {}",
                     {channels, mean.size(), std.size()});
  for (const double value : mean)
    check<ConfigError>(std::isfinite(value), "[ImageTransform] expected a finite mean, got {}", {value});
  check<ConfigError>(all_positive_and_finite(std), "[ImageTransform] expected every std > 0 and finite");
  check<ConfigError>(background.empty() || fits(background), "[ImageTransform] expected 0, 1 or {} numbers of background, got {}", {channels, background.size()});
  for (const double value : background) check<ConfigError>(value >= 0 && value <= 1, "[ImageTransform] expected background in 0..1, got {}", {value});
}

ImageTransform::ImageTransform(ImageTransformOptions options) : options_(std::move(options)) { options_.validate(); }

Tensor ImageTransform::opaque(const Tensor& image) const {
  check<ShapeError>(image.defined() && image.dim() == 3 && image.scalar_type() == at::kByte && image.is_cpu() && image.numel() > 0 && image.size(2) <= 4,
                    "[ImageTransform] expected an image uint8 [H, W, 1..4] on the CPU, got {}", {image});
  const int64_t colours = image.size(2) <= 2 ? 1 : 3;
  if (image.size(2) == colours) return convert_channels(image, options_.channels);
  if (options_.background.empty()) return convert_channels(image.narrow(2, 0, colours), options_.channels);
  // A coloured background makes a grey picture coloured, so colours are converted first.
  const Tensor converted = at::cat({convert_channels(image.narrow(2, 0, colours), options_.channels), image.narrow(2, colours, 1)}, 2);
  return flatten_alpha(converted, options_.background);
}

Tensor ImageTransform::scale(const Tensor& image) const {
  const ImageTransformOptions& o = options_;
  const Tensor pixels = opaque(image).contiguous();
  ImageSize scaled{o.size, o.size};
  if (o.resize == ResizeMode::shorter_side_then_crop)
    scaled = fit_shorter_side({image.size(0), image.size(1)}, o.shorter_side == 0 ? o.size : o.shorter_side);
  return image_to_tensor(detail::resample(pixels, scaled, {middle_of(scaled.height, o.size), o.size}, {middle_of(scaled.width, o.size), o.size},
                                          o.interpolation));  // [channels, size, size]
}

Tensor ImageTransform::normalise(const Tensor& image) const { return normalise_image(image, options_.mean, options_.std); }

}  // namespace alloy
