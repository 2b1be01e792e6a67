// SPDX-License-Identifier: Apache-2.0
#include <alloy/encoders/spectrogram.hpp>

namespace alloy {

namespace {

int64_t halved(int64_t size, size_t times) {
  for (size_t i = 0; i < times; ++i) size = (size + 1) / 2;
  return size;
}

}  // namespace

void SpectrogramEncoderOptions::validate() const {
  check<ConfigError>(mel_bins > 0 && dim > 0, "[SpectrogramEncoder] expected mel_bins and dim > 0, got {} and {}", {mel_bins, dim});
  ConvStackOptions{.in_channels = 1, .channels = stages}.validate();
  TokenPoolOptions{.pooling = pooling, .dim = dim, .heads = heads}.validate();
}

SpectrogramEncoderImpl::SpectrogramEncoderImpl(SpectrogramEncoderOptions options)
    : options_(std::move(options)),
      stack_({.in_channels = 1, .channels = options_.stages}),
      output_({.in_dim = options_.stages.back() * halved(options_.mel_bins, options_.stages.size()), .out_dim = options_.dim}),
      pool_({.pooling = options_.pooling, .dim = options_.dim, .heads = options_.heads}) {
  register_module("stack", stack_);
  register_module("output", output_);
  register_module("pool", pool_);
}

Features SpectrogramEncoderImpl::forward(const ModalityInput& input) {
  check_shape(input.values, {-1, -1, options_.mel_bins}, "SpectrogramEncoder", "spectrograms");
  check_floating(input.values, "SpectrogramEncoder", "spectrograms");
  check<ShapeError>(input.values.size(1) > 0, "[SpectrogramEncoder] expected at least one frame, got {}", {input.values});
  const auto [map, mask] = stack_->forward(input.values.unsqueeze(1), input.mask);   // [B, C', T', F']
  const Tensor x = output_(map.transpose(1, 2).flatten(2));                          // [B, T', D]
  const int64_t stride = int64_t{1} << options_.stages.size();
  const Tensor times = input.times.defined() ? input.times.slice(1, 0, {}, stride) : Tensor();
  return {.pooled = pool_(x, mask), .tokens = x, .mask = mask, .present = input.present, .times = times};
}

}  // namespace alloy
