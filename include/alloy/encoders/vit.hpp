// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Images: a vision transformer (Dosovitskiy et al. 2021). The picture is cut into patches; a class token may stand first.

#include <alloy/core/encoder.hpp>
#include <alloy/layers/linear.hpp>
#include <alloy/layers/patch_dropout.hpp>
#include <alloy/layers/pooling.hpp>
#include <alloy/layers/positions.hpp>
#include <alloy/layers/transformer.hpp>

namespace alloy {

struct VitEncoderOptions {
  int64_t image_size = 224;
  int64_t patch_size = 16;
  int64_t channels = 3;
  int64_t dim = 256;
  int64_t heads = 4;
  int64_t layers = 4;
  Pooling pooling = Pooling::cls;
  double dropout_rate = 0.0;
  double patch_dropout = 0.0;
  static void describe(auto& self, auto&& field) {
    field("image_size", self.image_size, "height and width in pixels, divisible by patch_size");
    field("patch_size", self.patch_size, "height and width of a patch in pixels, > 0");
    field("channels", self.channels, "channels of the picture, > 0");
    field("dim", self.dim, "width of tokens and output, divisible by heads");
    field("heads", self.heads, "number of attention heads, > 0");
    field("layers", self.layers, "number of transformer layers, >= 0");
    field("pooling", self.pooling, "cls puts a learned token first and reads it");
    field("dropout_rate", self.dropout_rate, "0..1, inside the transformer");
    field("patch_dropout", self.patch_dropout, "0..1, share of the patches that training leaves out, never the class token");
  }
  ALLOY_API void validate() const;
};

class ALLOY_API VitEncoderImpl final : public Encoder {
 public:
  using Options = VitEncoderOptions;
  static constexpr auto kName = "vit";
  explicit VitEncoderImpl(VitEncoderOptions options);
  /// @param input  values [B, channels, image_size, image_size] float
  /// @return pooled [B, dim], tokens [B, T, dim] with T = (image_size / patch_size)^2, plus the class token with cls pooling;
  ///         in training with patch_dropout only those that stay
  Features forward(const ModalityInput& input) override;
  int64_t dim() const override { return options_.dim; }
  int64_t token_dim() const override { return options_.dim; }
  const VitEncoderOptions& options() const { return options_; }

 private:
  VitEncoderOptions options_;
  Linear patches_;
  Tensor cls_;  // [1, 1, dim], with cls pooling
  LearnedPositions positions_;
  PatchDropout patch_dropout_;
  Transformer transformer_;
  TokenPool pool_;
};
using VitEncoder = Holder<VitEncoderImpl>;

}  // namespace alloy
