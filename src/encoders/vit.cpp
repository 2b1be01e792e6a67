// SPDX-License-Identifier: Apache-2.0
#include <alloy/encoders/vit.hpp>

#include <torch/nn/init.h>
#include <torch/types.h>

namespace alloy {

namespace {

int64_t num_patches(const VitEncoderOptions& o) { return (o.image_size / o.patch_size) * (o.image_size / o.patch_size); }

}  // namespace

void VitEncoderOptions::validate() const {
  check<ConfigError>(patch_size > 0 && image_size > 0 && image_size % patch_size == 0,
                     "[VitEncoder] expected image_size divisible by patch_size > 0, got {} and {}", {image_size, patch_size});
  check<ConfigError>(channels > 0, "[VitEncoder] expected channels > 0, got {}", {channels});
  TransformerOptions{.dim = dim, .heads = heads, .layers = layers, .dropout_rate = dropout_rate}.validate();
  PatchDropoutOptions{.rate = patch_dropout}.validate();
}

VitEncoderImpl::VitEncoderImpl(VitEncoderOptions options)
    : options_(options),
      patches_({.in_dim = options.channels * options.patch_size * options.patch_size, .out_dim = options.dim}),
      positions_({.max_length = num_patches(options) + (options.pooling == Pooling::cls ? 1 : 0), .dim = options.dim}),
      patch_dropout_({.rate = options.patch_dropout, .prefix = options.pooling == Pooling::cls ? 1 : 0}),
      transformer_({.dim = options.dim, .heads = options.heads, .layers = options.layers, .dropout_rate = options.dropout_rate}),
      pool_({.pooling = options.pooling, .dim = options.dim, .heads = options.heads}) {
  register_module("patches", patches_);
  if (options_.pooling == Pooling::cls) {
    cls_ = register_parameter("cls", torch::empty({1, 1, options_.dim}));
    torch::nn::init::normal_(cls_, 0.0, 0.02);
  }
  register_module("positions", positions_);
  register_module("patch_dropout", patch_dropout_);
  register_module("transformer", transformer_);
  register_module("pool", pool_);
}

Features VitEncoderImpl::forward(const ModalityInput& input) {
  check_shape(input.values, {-1, options_.channels, options_.image_size, options_.image_size}, "VitEncoder", "pictures");
  check_floating(input.values, "VitEncoder", "pictures");
  const int64_t batch = input.values.size(0), side = options_.image_size / options_.patch_size, p = options_.patch_size;
  Tensor x = input.values.view({batch, options_.channels, side, p, side, p}).permute({0, 2, 4, 1, 3, 5});
  x = patches_(x.reshape({batch, side * side, -1}));                                     // [B, patches, D]
  if (cls_.defined()) x = at::cat({cls_.expand({batch, 1, options_.dim}), x}, 1);        // [B, T, D]
  x = patch_dropout_(positions_(x)).tokens;                                              // [B, K, D]
  x = transformer_(x);
  return {.pooled = pool_(x), .tokens = x, .mask = {}, .present = input.present, .times = {}};
}

}  // namespace alloy
