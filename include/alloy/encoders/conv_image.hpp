// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Images: a small convolutional network. Quick to train on thousands of pictures; tokens are the cells of its last map.

#include <alloy/core/encoder.hpp>
#include <alloy/layers/conv.hpp>
#include <alloy/layers/linear.hpp>

namespace alloy {

struct ConvImageEncoderOptions {
  int64_t channels = 3;
  int64_t dim = 256;
  std::vector<int64_t> stages = {32, 64, 128};
  static void describe(auto& self, auto&& field) {
    field("channels", self.channels, "channels of the picture, > 0");
    field("dim", self.dim, "width of tokens and output, > 0");
    field("stages", self.stages, "channels of each stage; each halves height and width");
  }
  ALLOY_API void validate() const;
};

class ALLOY_API ConvImageEncoderImpl final : public Encoder {
 public:
  using Options = ConvImageEncoderOptions;
  static constexpr auto kName = "conv_image";
  explicit ConvImageEncoderImpl(ConvImageEncoderOptions options);
  /// @param input  values [B, channels, H, W] float of any size, usually normalised
  /// @return pooled [B, dim], tokens [B, H' W', dim], rows first
  Features forward(const ModalityInput& input) override;
  int64_t dim() const override { return options_.dim; }
  int64_t token_dim() const override { return options_.dim; }
  const ConvImageEncoderOptions& options() const { return options_; }

 private:
  ConvImageEncoderOptions options_;
  ConvStack stack_;
  Linear output_;
};
using ConvImageEncoder = Holder<ConvImageEncoderImpl>;

}  // namespace alloy
