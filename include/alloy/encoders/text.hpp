// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Text: token embedding, learned positions, a transformer. For small vocabularies trained from scratch, such as bytes.

#include <alloy/core/encoder.hpp>
#include <alloy/layers/pooling.hpp>
#include <alloy/layers/positions.hpp>
#include <alloy/layers/torch_layers.hpp>
#include <alloy/layers/transformer.hpp>

#include <memory>

namespace alloy {

struct TextEncoderOptions {
  int64_t vocab_size = 260;
  int64_t dim = 256;
  int64_t heads = 4;
  int64_t layers = 2;
  int64_t max_length = 256;
  Pooling pooling = Pooling::mean;
  double dropout_rate = 0.0;
  static void describe(auto& self, auto&& field) {
    field("vocab_size", self.vocab_size, "number of token ids, > 0");
    field("dim", self.dim, "width of tokens and output, divisible by heads");
    field("heads", self.heads, "number of attention heads, > 0");
    field("layers", self.layers, "number of transformer layers, >= 0");
    field("max_length", self.max_length, "longest text in tokens, > 0");
    field("pooling", self.pooling, "how tokens become one vector");
    field("dropout_rate", self.dropout_rate, "0..1, inside the transformer");
  }
  ALLOY_API void validate() const;
};

class ALLOY_API TextEncoderImpl final : public Encoder {
 public:
  using Options = TextEncoderOptions;
  static constexpr auto kName = "text";
  explicit TextEncoderImpl(TextEncoderOptions options);
  /// @param input  values [B, T] int64 ids below vocab_size, mask [B, T]; T <= max_length
  /// @return pooled [B, dim], tokens [B, T, dim]
  Features forward(const ModalityInput& input) override;
  int64_t dim() const override { return options_.dim; }
  int64_t token_dim() const override { return options_.dim; }
  const TextEncoderOptions& options() const { return options_; }

 private:
  TextEncoderOptions options_;
  std::shared_ptr<torch::nn::EmbeddingImpl> embedding_;
  LearnedPositions positions_;
  Transformer transformer_;
  TokenPool pool_;
};
using TextEncoder = Holder<TextEncoderImpl>;

}  // namespace alloy
