// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Turning, shifting, scaling and shearing a picture, by numbers or at random. Takes one image [C, H, W] (floating, on the
/// CPU) and returns a new one of the same shape and dtype; throws ShapeError for what is no such image.

#include <alloy/core/options.hpp>
#include <alloy/core/random.hpp>
#include <alloy/core/tensor.hpp>

#include <vector>

namespace alloy {

/// How affine_image moves the content of a picture, about its middle: sheared, scaled, turned, then shifted.
struct AffineMove {
  double rotation = 0.0;  ///< degrees, counter-clockwise
  double right = 0.0;     ///< pixels
  double down = 0.0;      ///< pixels
  double scale = 1.0;     ///< 2 = twice as large, > 0
  double shear = 0.0;     ///< degrees, by which vertical lines lean to the left at their top; within +-80
};

/// Every pixel of the result is read where the move takes it from, by bilinear interpolation between the four nearest.
/// Draws nothing.
/// @param fill  what stands outside: one value a channel, or one for all
ALLOY_API Tensor affine_image(const Tensor& image, const AffineMove& move, const std::vector<double>& fill = {0.0});

struct RandomAffineOptions {
  double rotation = 0.0;
  double shift = 0.0;
  double min_scale = 1.0;
  double max_scale = 1.0;
  double shear = 0.0;
  std::vector<double> fill = {0.0};
  static void describe(auto& self, auto&& field) {
    field("rotation", self.rotation, "degrees, 0..180, the most either way");
    field("shift", self.shift, "fraction of height and width, 0..1, the most each way");
    field("min_scale", self.min_scale, "0.01..100; the logarithm of the scale is uniform");
    field("max_scale", self.max_scale, "min_scale..100");
    field("shear", self.shear, "degrees, 0..80, the most either way");
    field("fill", self.fill, "what stands outside; one value a channel, or one for all");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// Moves the content at random; never mirrors it.
ALLOY_API Tensor random_affine(const Tensor& image, const RandomAffineOptions& options, Random& random);

}  // namespace alloy
