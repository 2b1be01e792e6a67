// SPDX-License-Identifier: Apache-2.0
#include <alloy/encoders/conv_image.hpp>

namespace alloy {

void ConvImageEncoderOptions::validate() const {
  check<ConfigError>(dim > 0, "[ConvImageEncoder] expected dim > 0, got {}", {dim});
  ConvStackOptions{.in_channels = channels, .channels = stages}.validate();
}

ConvImageEncoderImpl::ConvImageEncoderImpl(ConvImageEncoderOptions options)
    : options_(std::move(options)),
      stack_({.in_channels = options_.channels, .channels = options_.stages}),
      output_({.in_dim = options_.stages.back(), .out_dim = options_.dim}) {
  register_module("stack", stack_);
  register_module("output", output_);
}

Features ConvImageEncoderImpl::forward(const ModalityInput& input) {
  check_shape(input.values, {-1, options_.channels, -1, -1}, "ConvImageEncoder", "pictures");
  check_floating(input.values, "ConvImageEncoder", "pictures");
  const Tensor map = stack_->forward(input.values).values;            // [B, C', H', W']
  const Tensor x = output_(map.flatten(2).transpose(1, 2));           // [B, H' W', D]
  return {.pooled = x.mean(1), .tokens = x, .mask = {}, .present = input.present, .times = {}};
}

}  // namespace alloy
