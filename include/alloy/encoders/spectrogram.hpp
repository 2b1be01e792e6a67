// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Audio: a convolutional network over a log-mel spectrogram. Frames under mask = false are as if they were not there.

#include <alloy/core/encoder.hpp>
#include <alloy/layers/conv.hpp>
#include <alloy/layers/linear.hpp>
#include <alloy/layers/pooling.hpp>

namespace alloy {

struct SpectrogramEncoderOptions {
  int64_t mel_bins = 64;
  int64_t dim = 256;
  std::vector<int64_t> stages = {16, 32, 64};
  Pooling pooling = Pooling::mean;
  int64_t heads = 4;
  static void describe(auto& self, auto&& field) {
    field("mel_bins", self.mel_bins, "mel bins F of a frame, > 0");
    field("dim", self.dim, "width of tokens and output, > 0");
    field("stages", self.stages, "channels of each stage; each halves frames and bins");
    field("pooling", self.pooling, "how tokens become one vector");
    field("heads", self.heads, "heads of attention pooling");
  }
  ALLOY_API void validate() const;
};

class ALLOY_API SpectrogramEncoderImpl final : public Encoder {
 public:
  using Options = SpectrogramEncoderOptions;
  static constexpr auto kName = "spectrogram";
  explicit SpectrogramEncoderImpl(SpectrogramEncoderOptions options);
  /// @param input  values [B, T, mel_bins] float, mask [B, T], times [B, T]
  /// @return pooled [B, dim], tokens [B, T', dim] with T' = T / 2^stages rounded up, mask [B, T'], times of each token's
  ///         first frame
  Features forward(const ModalityInput& input) override;
  int64_t dim() const override { return options_.dim; }
  int64_t token_dim() const override { return options_.dim; }
  const SpectrogramEncoderOptions& options() const { return options_; }

 private:
  SpectrogramEncoderOptions options_;
  ConvStack stack_;
  Linear output_;
  TokenPool pool_;
};
using SpectrogramEncoder = Holder<SpectrogramEncoderImpl>;

}  // namespace alloy
