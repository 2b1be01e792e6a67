// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Pictures with transparency on a background: a plain colour for use, random ones for training, so that what is behind a
/// picture cannot be what it is known by. Channels are 1 (grey) or 3 (red, green, blue) and one of alpha (0 = transparent),
/// by which the others are not yet multiplied.

#include <alloy/core/options.hpp>
#include <alloy/core/random.hpp>
#include <alloy/preprocess/image.hpp>

namespace alloy {

/// Puts pixels on a plain colour, rounding to the nearest value.
/// @param image   uint8 [H, W, C + 1] on the CPU, C = 1 or 3
/// @param colour  0..1, one value, or one a channel
/// @return uint8 [H, W, C]
/// @throws ShapeError, ConfigError
ALLOY_API Tensor flatten_alpha(const Tensor& image, const std::vector<double>& colour);

struct RandomBackgroundOptions {
  double gradient = 0.5;
  static void describe(auto& self, auto&& field) {
    field("gradient", self.gradient, "0..1, the chance of a gradient between two colours instead of one plain colour");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// Colours are uniform in 0..1, each channel on its own; a gradient runs from edge to edge in any direction.
/// @param channels  1 or 3
/// @return float [channels, size.height, size.width]
ALLOY_API Tensor random_backdrop(int64_t channels, ImageSize size, const RandomBackgroundOptions& options, Random& random);

/// Puts a picture on a random backdrop.
/// @param image  [C + 1, H, W] in 0..1, floating, on the CPU, C = 1 or 3
/// @return [C, H, W]
/// @throws ShapeError, ConfigError
ALLOY_API Tensor random_background(const Tensor& image, const RandomBackgroundOptions& options, Random& random);

}  // namespace alloy
