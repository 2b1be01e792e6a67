// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Random changes of a picture's colours, for training on more lights and tones than there are.

#include <alloy/core/options.hpp>
#include <alloy/core/random.hpp>
#include <alloy/core/tensor.hpp>

namespace alloy {

struct ColorJitterOptions {
  double brightness = 0.0;
  double contrast = 0.0;
  double saturation = 0.0;
  double hue = 0.0;
  static void describe(auto& self, auto&& field) {
    field("brightness", self.brightness, "b >= 0: values times a factor uniform in 1 - b (at least 0) .. 1 + b");
    field("contrast", self.contrast, "likewise, of the distance from the mean luma of the picture");
    field("saturation", self.saturation, "likewise, of the distance from the luma of the pixel");
    field("hue", self.hue, "0..0.5 of a turn about the grey axis, the most either way");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// Brightness, contrast, saturation and hue, in this order, then cut to 0..1. Grey pictures have no saturation and no hue.
/// @param image  1 channel, or 3 (red, green, blue), in 0..1
ALLOY_API Tensor color_jitter(const Tensor& image, const ColorJitterOptions& options, Random& random);

}  // namespace alloy
