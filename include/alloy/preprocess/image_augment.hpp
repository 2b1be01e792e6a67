// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Random changes of an image, for training on more than there is and for measuring robustness. Each takes one image
/// [C, H, W] (floating, on the CPU), returns a new one of the same shape and dtype, and draws from the `Random` given
/// alone: the same seed gives the same image. Where a value is written in (0, 1, noise in 0..1) the image is meant to be
/// in 0..1, before it is normalised. All throw ShapeError for what is no such image and ConfigError for values out of
/// range.

#include <alloy/core/options.hpp>
#include <alloy/core/random.hpp>
#include <alloy/core/tensor.hpp>

#include <array>
#include <utility>

namespace alloy {

/// Pads every side with `padding` zeros and cuts the original size out anywhere: a shift by up to `padding` pixels each way.
/// @param padding  pixels, 0..65536
ALLOY_API Tensor random_crop(const Tensor& image, int64_t padding, Random& random);

/// Mirrors left and right with the probability given.
ALLOY_API Tensor random_horizontal_flip(const Tensor& image, Random& random, double probability = 0.5);

/// Adds independent normal noise to every value; the result may leave 0..1.
/// @param sigma  standard deviation in units of the image, >= 0
ALLOY_API Tensor add_gaussian_noise(const Tensor& image, double sigma, Random& random);

/// Sets each pixel (all its channels together) with probability `fraction` to 0 or 1, one as likely as the other.
/// @param fraction  0..1
ALLOY_API Tensor salt_and_pepper(const Tensor& image, double fraction, Random& random);

/// Convolution with a normal distribution, cut off at 4 sigma; the edge pixels stand for what is outside (scipy's
/// `gaussian_filter`, mode "nearest"). Draws nothing.
/// @param sigma  pixels, 0..1000; 0 changes nothing
ALLOY_API Tensor gaussian_blur(const Tensor& image, double sigma);

/// Moves every value away from the mean of its channel, or towards it. Draws nothing.
/// @param factor  0 = grey, 1 = unchanged, >= 0
ALLOY_API Tensor scale_contrast(const Tensor& image, double factor);

enum class ErasingFill { value, noise };
constexpr auto enum_names(ErasingFill) {
  return std::to_array<std::pair<ErasingFill, std::string_view>>({{ErasingFill::value, "value"}, {ErasingFill::noise, "noise"}});
}

struct RandomErasingOptions {
  double probability = 0.5;
  double min_area = 0.02;
  double max_area = 0.4;
  double min_aspect = 0.3;
  ErasingFill fill = ErasingFill::noise;
  double value = 0.0;
  static void describe(auto& self, auto&& field) {
    field("probability", self.probability, "0..1, that a rectangle is erased at all");
    field("min_area", self.min_area, "fraction of the image, > 0");
    field("max_area", self.max_area, "fraction of the image, min_area..1");
    field("min_aspect", self.min_aspect, "height by width, > 0 and at most 1; the largest is 1 / min_aspect");
    field("fill", self.fill, "what stands in the rectangle: one value, or uniform noise in 0..1");
    field("value", self.value, "the value, for fill = value");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// Random erasing (Zhong et al. 2020, algorithm 1, with their defaults): one rectangle of random area and aspect. Where none
/// of 100 drawn fits into the image, the image is left as it is.
ALLOY_API Tensor random_erasing(const Tensor& image, const RandomErasingOptions& options, Random& random);

}  // namespace alloy
