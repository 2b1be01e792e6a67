// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Decoded images to tensors: scale, crop, normalise. Scaling gives the very pixels of Pillow, since published models
/// were trained on those, and a half-tone of difference at every edge costs them accuracy.

#include <alloy/core/options.hpp>
#include <alloy/core/tensor.hpp>

#include <array>
#include <utility>
#include <vector>

namespace alloy {

/// The filters of Pillow. All but box blur as much as a reduction needs (antialias); bicubic has a = -0.5.
enum class Interpolation { bilinear, bicubic, lanczos, box };
constexpr auto enum_names(Interpolation) {
  return std::to_array<std::pair<Interpolation, std::string_view>>({{Interpolation::bilinear, "bilinear"},
                                                                    {Interpolation::bicubic, "bicubic"},
                                                                    {Interpolation::lanczos, "lanczos"},
                                                                    {Interpolation::box, "box"}});
}

/// Height and width in pixels.
struct ImageSize {
  int64_t height = 0, width = 0;
};

/// Most pixels a side that an image may be scaled to.
inline constexpr int64_t kMaxImageSide = 65536;

/// Scales in two passes of integers, rows first, rounding to 8 bits after each: equal to Pillow's `Image.resize` for the
/// modes L and RGB, pixel for pixel.
/// @param image  uint8 [H, W, C] on the CPU, C = 1 or 3, no side empty
/// @param size   each side in 1..kMaxImageSide
/// @return uint8 [size.height, size.width, C]
/// @throws ShapeError, ConfigError
ALLOY_API Tensor resize_image(const Tensor& image, ImageSize size, Interpolation filter = Interpolation::bicubic);

/// The size at which the shorter side is `shorter_side` pixels; the longer one is rounded down, as torchvision and the
/// published image processors do.
ALLOY_API ImageSize fit_shorter_side(ImageSize size, int64_t shorter_side);

/// @param image  uint8 [H, W, C]
/// @return float [C, H, W] in 0..1
ALLOY_API Tensor image_to_tensor(const Tensor& image);

/// The middle of an image; where it is smaller than the crop, zeros stand around it.
/// @param image  [C, H, W] of any dtype
/// @return [C, size.height, size.width], a copy
ALLOY_API Tensor center_crop(const Tensor& image, ImageSize size);

/// (image - mean) / std, channel by channel.
/// @param image  [C, H, W], floating
/// @param mean, std  one number a channel, or one for all; std > 0
ALLOY_API Tensor normalise_image(const Tensor& image, const std::vector<double>& mean, const std::vector<double>& std);

/// Grey from colour and back: luma of ITU-R BT.601 in the integer form of Pillow's `convert("L")`; grey repeated.
/// @param image     uint8 [H, W, C], C = 1 or 3
/// @param channels  1 or 3
/// @return uint8 [H, W, channels]
ALLOY_API Tensor convert_channels(const Tensor& image, int64_t channels);

enum class ResizeMode { shorter_side_then_crop, squash };
constexpr auto enum_names(ResizeMode) {
  return std::to_array<std::pair<ResizeMode, std::string_view>>(
      {{ResizeMode::shorter_side_then_crop, "shorter_side_then_crop"}, {ResizeMode::squash, "squash"}});
}

struct ImageTransformOptions {
  int64_t size = 224;
  ResizeMode resize = ResizeMode::shorter_side_then_crop;
  int64_t shorter_side = 0;
  Interpolation interpolation = Interpolation::bicubic;
  int64_t channels = 3;
  std::vector<double> mean = {0.5};
  std::vector<double> std = {0.5};
  std::vector<double> background = {1.0};
  static void describe(auto& self, auto&& field) {
    field("size", self.size, "height and width of the result in pixels, 1..65536");
    field("resize", self.resize, "scale the shorter side and cut out the middle, or squash the whole image into the square");
    field("shorter_side", self.shorter_side, "pixels of the shorter side before the crop; 0 = size");
    field("interpolation", self.interpolation, "filter, as Pillow names it");
    field("channels", self.channels, "1 (grey) or 3 (red, green, blue)");
    field("mean", self.mean, "subtracted from values in 0..1; one a channel, or one for all");
    field("std", self.std, "divides after that, > 0; one a channel, or one for all");
    field("background", self.background, "0..1, colour behind pictures with transparency, one a channel or one for all; empty = transparency is ignored, "
                                         "as by Pillow's convert(\"RGB\")");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// The image part of a model's `preprocess` record. Immutable; any number of threads may share one.
class ALLOY_API ImageTransform {
 public:
  using Options = ImageTransformOptions;
  static constexpr auto kName = "image";
  explicit ImageTransform(ImageTransformOptions options = {});
  /// Put on the background, convert channels, scale, crop, to 0..1, normalise. Of the scaled image only the crop is
  /// computed, so an image of 1 x 10,000 pixels costs no more than another.
  /// @param image  uint8 [H, W, C] on the CPU; C = 1 or 3, or 2 or 4 with alpha
  /// @return float [channels, size, size]
  Tensor operator()(const Tensor& image) const { return normalise(scale(image)); }
  /// All but the last step: values in 0..1.
  Tensor scale(const Tensor& image) const;
  /// The last step.
  /// @param image  float [channels, H, W]
  Tensor normalise(const Tensor& image) const;
  /// The first step: the colours, with `channels` channels, on the background or without their alpha.
  /// @return uint8 [H, W, channels]
  Tensor opaque(const Tensor& image) const;
  const ImageTransformOptions& options() const { return options_; }

 private:
  ImageTransformOptions options_;
};

}  // namespace alloy
