// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Time series, three ways: a recurrent network, dilated convolutions, a transformer. All read values [B, T, channels]
/// with a mask; a flag for each step tells the network whether it is real. Padding at the end changes nothing.

#include <alloy/core/encoder.hpp>
#include <alloy/layers/linear.hpp>
#include <alloy/layers/pooling.hpp>
#include <alloy/layers/torch_layers.hpp>
#include <alloy/layers/transformer.hpp>

#include <memory>

namespace alloy {

struct GruEncoderOptions {
  int64_t channels = 1;
  int64_t dim = 128;
  int64_t layers = 1;
  double dropout_rate = 0.0;
  static void describe(auto& self, auto&& field) {
    field("channels", self.channels, "channels of the series, > 0");
    field("dim", self.dim, "width of the state, tokens and output, > 0");
    field("layers", self.layers, "number of recurrent layers, > 0");
    field("dropout_rate", self.dropout_rate, "0..1, between layers");
  }
  ALLOY_API void validate() const;
};

/// Gated recurrent unit (Cho et al. 2014), forward in time.
class ALLOY_API GruEncoderImpl final : public Encoder {
 public:
  using Options = GruEncoderOptions;
  static constexpr auto kName = "gru";
  explicit GruEncoderImpl(GruEncoderOptions options);
  /// @return pooled [B, dim] = the state at the last real step; tokens [B, T, dim]
  Features forward(const ModalityInput& input) override;
  int64_t dim() const override { return options_.dim; }
  int64_t token_dim() const override { return options_.dim; }
  const GruEncoderOptions& options() const { return options_; }

 private:
  GruEncoderOptions options_;
  std::shared_ptr<torch::nn::GRUImpl> gru_;
};
using GruEncoder = Holder<GruEncoderImpl>;

struct DilatedConvEncoderOptions {
  int64_t channels = 1;
  int64_t dim = 128;
  int64_t layers = 4;
  Pooling pooling = Pooling::mean;
  int64_t heads = 4;
  static void describe(auto& self, auto&& field) {
    field("channels", self.channels, "channels of the series, > 0");
    field("dim", self.dim, "width of tokens and output, > 0");
    field("layers", self.layers, "residual layers, dilated 1, 2, 4 ...; 1..12");
    field("pooling", self.pooling, "how tokens become one vector");
    field("heads", self.heads, "heads of attention pooling");
  }
  ALLOY_API void validate() const;
};

/// Residual dilated convolutions of width 3 (after Bai et al. 2018, "TCN", not causal).
class ALLOY_API DilatedConvEncoderImpl final : public Encoder {
 public:
  using Options = DilatedConvEncoderOptions;
  static constexpr auto kName = "dilated_conv";
  explicit DilatedConvEncoderImpl(DilatedConvEncoderOptions options);
  /// @return pooled [B, dim], tokens [B, T, dim]
  Features forward(const ModalityInput& input) override;
  int64_t dim() const override { return options_.dim; }
  int64_t token_dim() const override { return options_.dim; }
  const DilatedConvEncoderOptions& options() const { return options_; }

 private:
  DilatedConvEncoderOptions options_;
  Linear input_;
  std::vector<std::shared_ptr<torch::nn::Conv1dImpl>> convs_;
  std::vector<std::shared_ptr<torch::nn::LayerNormImpl>> norms_;
  TokenPool pool_;
};
using DilatedConvEncoder = Holder<DilatedConvEncoderImpl>;

struct SeriesTransformerOptions {
  int64_t channels = 1;
  int64_t dim = 128;
  int64_t heads = 4;
  int64_t layers = 2;
  Pooling pooling = Pooling::mean;
  double dropout_rate = 0.0;
  static void describe(auto& self, auto&& field) {
    field("channels", self.channels, "channels of the series, > 0");
    field("dim", self.dim, "width of tokens and output, even and divisible by heads");
    field("heads", self.heads, "number of attention heads, > 0");
    field("layers", self.layers, "number of transformer layers, >= 0");
    field("pooling", self.pooling, "how tokens become one vector: mean, max or attention");
    field("dropout_rate", self.dropout_rate, "0..1, inside the transformer");
  }
  ALLOY_API void validate() const;
};

/// A transformer over the steps, sinusoidal codes for their places.
class ALLOY_API SeriesTransformerImpl final : public Encoder {
 public:
  using Options = SeriesTransformerOptions;
  static constexpr auto kName = "series_transformer";
  explicit SeriesTransformerImpl(SeriesTransformerOptions options);
  /// @return pooled [B, dim], tokens [B, T, dim]
  Features forward(const ModalityInput& input) override;
  int64_t dim() const override { return options_.dim; }
  int64_t token_dim() const override { return options_.dim; }
  const SeriesTransformerOptions& options() const { return options_; }

 private:
  SeriesTransformerOptions options_;
  Linear input_;
  Transformer transformer_;
  TokenPool pool_;
};
using SeriesTransformer = Holder<SeriesTransformerImpl>;

}  // namespace alloy
