// SPDX-License-Identifier: Apache-2.0
#include <alloy/encoders/series.hpp>

#include <alloy/layers/positions.hpp>

#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/normalization.h>
#include <torch/nn/modules/rnn.h>
#include <torch/types.h>

namespace alloy {

namespace {

/// Values with zeros under the mask and one more channel that is 1 at real steps. [B, T, C] to [B, T, C + 1]
Tensor with_flag(const ModalityInput& input, int64_t channels, std::string_view where) {
  check_shape(input.values, {-1, -1, channels}, where, "series");
  check_floating(input.values, where, "series");
  check<ShapeError>(input.values.size(1) > 0, "[{}] expected at least one step, got {}", {where, input.values});
  check_mask(input.mask, input.values.size(0), input.values.size(1), where);
  const Tensor flag = input.mask.defined() ? input.mask.to(input.values.scalar_type())
                                           : at::ones({input.values.size(0), input.values.size(1)}, input.values.options());
  return at::cat({zero_padding(input.values, input.mask), flag.unsqueeze(2)}, 2);
}

}  // namespace

void GruEncoderOptions::validate() const {
  check<ConfigError>(channels > 0 && dim > 0 && layers > 0, "[GruEncoder] expected channels, dim and layers > 0, got {}, {} and {}", {channels, dim, layers});
  check_dropout_rate("GruEncoder", dropout_rate);
}

GruEncoderImpl::GruEncoderImpl(GruEncoderOptions options)
    : options_(options),
      gru_(std::make_shared<torch::nn::GRUImpl>(
          torch::nn::GRUOptions(options.channels + 1, options.dim).num_layers(options.layers).batch_first(true).dropout(options.layers > 1 ? options.dropout_rate : 0.0))) {
  register_module("gru", gru_);
}

Features GruEncoderImpl::forward(const ModalityInput& input) {
  const Tensor x = std::get<0>(gru_->forward(with_flag(input, options_.channels, "GruEncoder")));  // [B, T, D]
  const int64_t steps = x.size(1);
  Tensor pooled = x.select(1, steps - 1);  // [B, D]
  if (input.mask.defined()) {
    const Tensor place = at::arange(1, steps + 1, input.mask.options().dtype(at::kLong));
    const Tensor last = (input.mask * place).amax(1);  // [B], 0 = no real step
    pooled = x.gather(1, (last - 1).clamp_min(0).view({-1, 1, 1}).expand({-1, 1, options_.dim})).squeeze(1);
    pooled = at::where(last.unsqueeze(1) > 0, pooled, at::zeros({}, pooled.options()));
  }
  return {.pooled = pooled, .tokens = x, .mask = input.mask, .present = input.present, .times = input.times};
}

void DilatedConvEncoderOptions::validate() const {
  check<ConfigError>(channels > 0 && dim > 0, "[DilatedConvEncoder] expected channels and dim > 0, got {} and {}", {channels, dim});
  check<ConfigError>(layers >= 1 && layers <= 12, "[DilatedConvEncoder] expected layers in 1..12, got {}", {layers});
  TokenPoolOptions{.pooling = pooling, .dim = dim, .heads = heads}.validate();
}

DilatedConvEncoderImpl::DilatedConvEncoderImpl(DilatedConvEncoderOptions options)
    : options_(options),
      input_({.in_dim = options.channels + 1, .out_dim = options.dim}),
      pool_({.pooling = options.pooling, .dim = options.dim, .heads = options.heads}) {
  register_module("input", input_);
  for (int64_t i = 0; i < options_.layers; ++i) {
    const int64_t dilation = int64_t{1} << i;
    convs_.push_back(std::make_shared<torch::nn::Conv1dImpl>(torch::nn::Conv1dOptions(options_.dim, options_.dim, 3).padding(dilation).dilation(dilation)));
    norms_.push_back(std::make_shared<torch::nn::LayerNormImpl>(torch::nn::LayerNormOptions({options_.dim})));
    register_module("convs_" + std::to_string(i), convs_.back());
    register_module("norms_" + std::to_string(i), norms_.back());
  }
  register_module("pool", pool_);
}

Features DilatedConvEncoderImpl::forward(const ModalityInput& input) {
  Tensor x = input_(with_flag(input, options_.channels, "DilatedConvEncoder"));  // [B, T, D]
  for (size_t i = 0; i < convs_.size(); ++i) {
    const Tensor clean = zero_padding(norms_[i]->forward(x), input.mask);
    x = x + at::gelu(convs_[i]->forward(clean.transpose(1, 2)).transpose(1, 2));
  }
  x = zero_padding(x, input.mask);
  return {.pooled = pool_(x, input.mask), .tokens = x, .mask = input.mask, .present = input.present, .times = input.times};
}

void SeriesTransformerOptions::validate() const {
  check<ConfigError>(channels > 0 && dim % 2 == 0, "[SeriesTransformer] expected channels > 0 and an even dim, got {} and {}", {channels, dim});
  check<ConfigError>(pooling != Pooling::cls, "[SeriesTransformer] expected mean, max or attention pooling, got cls");
  TransformerOptions{.dim = dim, .heads = heads, .layers = layers, .dropout_rate = dropout_rate}.validate();
}

SeriesTransformerImpl::SeriesTransformerImpl(SeriesTransformerOptions options)
    : options_(options),
      input_({.in_dim = options.channels + 1, .out_dim = options.dim}),
      transformer_({.dim = options.dim, .heads = options.heads, .layers = options.layers, .dropout_rate = options.dropout_rate}),
      pool_({.pooling = options.pooling, .dim = options.dim, .heads = options.heads}) {
  register_module("input", input_);
  register_module("transformer", transformer_);
  register_module("pool", pool_);
}

Features SeriesTransformerImpl::forward(const ModalityInput& input) {
  Tensor x = input_(with_flag(input, options_.channels, "SeriesTransformer"));              // [B, T, D]
  x = x + sinusoidal_positions(x.size(1), options_.dim).to(x.options());
  x = transformer_(x, input.mask);
  return {.pooled = pool_(x, input.mask), .tokens = x, .mask = input.mask, .present = input.present, .times = input.times};
}

}  // namespace alloy
