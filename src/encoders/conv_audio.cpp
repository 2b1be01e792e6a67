// SPDX-License-Identifier: Apache-2.0
#include <alloy/encoders/conv_audio.hpp>

#include <alloy/layers/mlp.hpp>
#include <alloy/layers/pooling.hpp>

#include <ATen/Functions.h>

namespace alloy {

namespace {

ResidualConvOptions network_options(const ConvAudioEncoderOptions& o) {
  return {.in_channels = 1, .widths = o.widths, .blocks = o.blocks, .stem_stride = o.stem_stride, .norm = o.norm, .groups = o.groups};
}

int64_t flat_dim(const ConvAudioEncoderOptions& o) {
  const ResidualConvOptions network = network_options(o);
  return o.widths.back() * residual_conv_size(network, o.frames) * residual_conv_size(network, o.mel_bins);
}

}  // namespace

void ConvAudioEncoderOptions::validate() const {
  const auto in_range = [](int64_t size) { return size >= 1 && size <= 65536; };
  check<ConfigError>(in_range(mel_bins) && in_range(frames), "[ConvAudioEncoder] expected mel_bins and frames in 1..65536, got {} and {}", {mel_bins, frames});
  check<ConfigError>(dim > 0, "[ConvAudioEncoder] expected dim > 0, got {}", {dim});
  network_options(*this).validate();
  check_dropout_rate("ConvAudioEncoder", dropout_rate);
}

ConvAudioEncoderImpl::ConvAudioEncoderImpl(ConvAudioEncoderOptions options)
    : options_(std::move(options)), network_(network_options(options_)), output_({.in_dim = flat_dim(options_), .out_dim = options_.dim}) {
  register_module("network", network_);
  register_module("output", output_);
}

Features ConvAudioEncoderImpl::forward(const ModalityInput& input) {
  const Tensor& values = input.values;
  check_shape(values, {-1, -1, options_.mel_bins}, "ConvAudioEncoder", "spectrograms");
  check_floating(values, "ConvAudioEncoder", "spectrograms");
  const int64_t length = values.size(1);
  check<ShapeError>(length >= 1 && length <= options_.frames, "[ConvAudioEncoder] expected 1..{} frames, got {}; cut sounds to one length (option seconds of the audio reader)",
                    {options_.frames, values});
  check_mask(input.mask, values.size(0), length, "ConvAudioEncoder");
  Tensor x = at::constant_pad_nd(zero_padding(values, input.mask), {0, 0, 0, options_.frames - length});  // [B, frames, F]
  x = network_->forward(x.unsqueeze(1));                                                                  // [B, C', T', F']
  x = at::dropout(x.permute({0, 2, 3, 1}).flatten(1), options_.dropout_rate, is_training());              // [B, T' F' C']
  return {.pooled = output_(x), .tokens = {}, .mask = {}, .present = input.present, .times = {}};
}

}  // namespace alloy
