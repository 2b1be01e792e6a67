// SPDX-License-Identifier: Apache-2.0
#include <alloy/encoders/spectrogram_transformer.hpp>

#include <alloy/layers/positions.hpp>

#include <torch/nn/init.h>
#include <torch/types.h>

namespace alloy {

void SpectrogramTransformerOptions::validate() const {
  check<ConfigError>(patch_frames > 0 && patch_bins > 0 && mel_bins > 0 && mel_bins % patch_bins == 0,
                     "[SpectrogramTransformer] expected mel_bins divisible by patch_bins > 0 and patch_frames > 0, got {}, {} and {}",
                     {mel_bins, patch_bins, patch_frames});
  check<ConfigError>(dim % 2 == 0, "[SpectrogramTransformer] expected an even dim, got {}", {dim});
  check<ConfigError>(pooling != Pooling::cls, "[SpectrogramTransformer] expected mean, max or attention pooling, got cls");
  TransformerOptions{.dim = dim, .heads = heads, .layers = layers, .dropout_rate = dropout_rate}.validate();
  PatchDropoutOptions{.rate = patch_dropout}.validate();
}

SpectrogramTransformerImpl::SpectrogramTransformerImpl(SpectrogramTransformerOptions options)
    : options_(options),
      patches_({.in_dim = options.patch_frames * options.patch_bins, .out_dim = options.dim}),
      patch_dropout_({.rate = options.patch_dropout}),
      transformer_({.dim = options.dim, .heads = options.heads, .layers = options.layers, .dropout_rate = options.dropout_rate}),
      pool_({.pooling = options.pooling, .dim = options.dim, .heads = options.heads}) {
  register_module("patches", patches_);
  bands_ = register_parameter("bands", torch::empty({1, 1, options_.mel_bins / options_.patch_bins, options_.dim}));
  torch::nn::init::normal_(bands_, 0.0, 0.02);
  register_module("patch_dropout", patch_dropout_);
  register_module("transformer", transformer_);
  register_module("pool", pool_);
}

Features SpectrogramTransformerImpl::forward(const ModalityInput& input) {
  check_shape(input.values, {-1, -1, options_.mel_bins}, "SpectrogramTransformer", "spectrograms");
  check_floating(input.values, "SpectrogramTransformer", "spectrograms");
  check_mask(input.mask, input.values.size(0), input.values.size(1), "SpectrogramTransformer");
  const int64_t batch = input.values.size(0), frames = input.values.size(1), n = options_.patch_frames;
  check<ShapeError>(frames > 0, "[SpectrogramTransformer] expected at least one frame, got {}", {input.values});
  const int64_t steps = (frames + n - 1) / n, bands = bands_.size(2), padding = steps * n - frames;
  Tensor x = at::constant_pad_nd(zero_padding(input.values, input.mask), {0, 0, 0, padding}, 0);
  x = x.view({batch, steps, n, bands, options_.patch_bins}).transpose(2, 3).flatten(3);  // [B, T', F', patch]
  x = patches_(x) + bands_ + sinusoidal_positions(steps, options_.dim).to(x.options()).view({1, steps, 1, -1});
  Tensor mask;
  if (input.mask.defined()) {
    mask = at::constant_pad_nd(input.mask, {0, padding}, 0).view({batch, steps, n}).any(2);  // [B, T']
    mask = mask.unsqueeze(2).expand({batch, steps, bands}).reshape({batch, -1});
  }
  const KeptPatches kept = patch_dropout_(x.flatten(1, 2), mask);  // [B, T' F', D]
  mask = kept.mask;
  x = transformer_(kept.tokens, mask);
  return {.pooled = pool_(x, mask), .tokens = x, .mask = mask, .present = input.present, .times = {}};
}

}  // namespace alloy
