// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Text: the mean of the embeddings of its words and n-grams (HashedNgrams), then a small network ("deep averaging
/// network", Iyyer et al. 2015, with subwords as in fastText). Trains in a fraction of a transformer's time and is hard
/// to beat on names, tags and short queries.

#include <alloy/core/encoder.hpp>
#include <alloy/layers/linear.hpp>
#include <alloy/layers/mlp.hpp>
#include <alloy/layers/torch_layers.hpp>

#include <memory>

namespace alloy {

struct HashedTextEncoderOptions {
  int64_t buckets = int64_t{1} << 16;
  int64_t dim = 128;
  int64_t embedding_dim = 128;
  int64_t hidden_dim = 256;
  double dropout_rate = 0.0;
  double id_dropout_rate = 0.0;
  static void describe(auto& self, auto&& field) {
    field("buckets", self.buckets, "that of HashedNgrams, 2..16777216; the table has two rows more");
    field("dim", self.dim, "width of the output, > 0");
    field("embedding_dim", self.embedding_dim, "width of the table, > 0");
    field("hidden_dim", self.hidden_dim, "width inside the network, > 0");
    field("dropout_rate", self.dropout_rate, "0..1, inside the network");
    field("id_dropout_rate", self.id_dropout_rate, "0..1, of the words and n-grams of a text that are left out in training (word dropout of Iyyer et al.)");
  }
  ALLOY_API void validate() const;
};

/// Note [Size of the table]: the gradient of the table is dense, so that every optimiser takes it. One step of 128 texts of
/// 40 ids at the default 65,538 x 128 costs 17 ms forward and backward and 58 ms in AdamW on one core;
/// both fall with buckets x embedding_dim (3 and 12 ms at half the buckets).
class ALLOY_API HashedTextEncoderImpl final : public Encoder {
 public:
  using Options = HashedTextEncoderOptions;
  static constexpr auto kName = "hashed_text";
  explicit HashedTextEncoderImpl(HashedTextEncoderOptions options);
  /// The embeddings of a text count alike, whatever their number: their mean is normalised, so that a sum, or one divided
  /// by the root of their number, would give the same.
  /// @param input  values [B, T] int64 ids of HashedNgrams, mask [B, T]; id 0 and what is masked count for nothing
  /// @return pooled [B, dim]
  /// @throws ShapeError; DataError for ids outside 0..buckets + 1
  Features forward(const ModalityInput& input) override;
  int64_t dim() const override { return options_.dim; }
  const HashedTextEncoderOptions& options() const { return options_; }

 private:
  Tensor real_ids(const ModalityInput& input) const;
  HashedTextEncoderOptions options_;
  Tensor embedding_;  // [buckets + 2, embedding_dim]
  std::shared_ptr<torch::nn::LayerNormImpl> norm_, output_norm_;
  Mlp mlp_;
  Linear output_;
};
using HashedTextEncoder = Holder<HashedTextEncoderImpl>;

}  // namespace alloy
