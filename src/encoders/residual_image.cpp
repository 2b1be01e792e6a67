// SPDX-License-Identifier: Apache-2.0
#include <alloy/encoders/residual_image.hpp>

#include <alloy/layers/mlp.hpp>

#include <ATen/Functions.h>

namespace alloy {

namespace {

ResidualConvOptions network_options(const ResidualImageEncoderOptions& o) {
  return {.in_channels = o.channels, .widths = o.widths, .blocks = o.blocks, .stem_stride = o.stem_stride, .norm = o.norm, .groups = o.groups};
}

int64_t head_dim(const ResidualImageEncoderOptions& o) {
  const int64_t side = o.head == ImageHead::flatten ? residual_conv_size(network_options(o), o.image_size) : 1;
  return o.widths.back() * side * side;
}

}  // namespace

void ResidualImageEncoderOptions::validate() const {
  check<ConfigError>(dim > 0, "[ResidualImageEncoder] expected dim > 0, got {}", {dim});
  check<ConfigError>(image_size >= 1 && image_size <= 65536, "[ResidualImageEncoder] expected image_size in 1..65536, got {}", {image_size});
  network_options(*this).validate();
  check_dropout_rate("ResidualImageEncoder", dropout_rate);
}

ResidualImageEncoderImpl::ResidualImageEncoderImpl(ResidualImageEncoderOptions options)
    : options_(std::move(options)), network_(network_options(options_)), output_({.in_dim = head_dim(options_), .out_dim = options_.dim}) {
  register_module("network", network_);
  register_module("output", output_);
}

Features ResidualImageEncoderImpl::forward(const ModalityInput& input) {
  const bool flat = options_.head == ImageHead::flatten;
  const int64_t side = flat ? options_.image_size : -1;
  check_shape(input.values, {-1, options_.channels, side, side}, "ResidualImageEncoder", "pictures");
  check_floating(input.values, "ResidualImageEncoder", "pictures");
  check<ShapeError>(input.values.size(2) > 0 && input.values.size(3) > 0, "[ResidualImageEncoder] expected pictures with pixels, got {}", {input.values});
  const Tensor map = network_->forward(input.values);         // [B, E, H', W']
  const Tensor tokens = map.flatten(2).transpose(1, 2);       // [B, H' W', E]
  Tensor x = flat ? tokens.flatten(1) : tokens.mean(1);       // [B, H' W' E] or [B, E]
  x = at::dropout(x, options_.dropout_rate, is_training());
  return {.pooled = output_(x), .tokens = tokens, .mask = {}, .present = input.present, .times = {}};
}

}  // namespace alloy
