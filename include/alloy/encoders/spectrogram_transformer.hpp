// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Audio: a transformer over patches of a log-mel spectrogram (after Gong et al. 2021, "AST", without overlap).

#include <alloy/core/encoder.hpp>
#include <alloy/layers/linear.hpp>
#include <alloy/layers/patch_dropout.hpp>
#include <alloy/layers/pooling.hpp>
#include <alloy/layers/transformer.hpp>

namespace alloy {

struct SpectrogramTransformerOptions {
  int64_t mel_bins = 64;
  int64_t patch_frames = 4;
  int64_t patch_bins = 16;
  int64_t dim = 256;
  int64_t heads = 4;
  int64_t layers = 4;
  Pooling pooling = Pooling::mean;
  double dropout_rate = 0.0;
  double patch_dropout = 0.0;
  static void describe(auto& self, auto&& field) {
    field("mel_bins", self.mel_bins, "mel bins F of a frame, divisible by patch_bins");
    field("patch_frames", self.patch_frames, "frames of a patch, > 0");
    field("patch_bins", self.patch_bins, "mel bins of a patch, > 0");
    field("dim", self.dim, "width of tokens and output, even and divisible by heads");
    field("heads", self.heads, "number of attention heads, > 0");
    field("layers", self.layers, "number of transformer layers, >= 0");
    field("pooling", self.pooling, "how tokens become one vector: mean, max or attention");
    field("dropout_rate", self.dropout_rate, "0..1, inside the transformer");
    field("patch_dropout", self.patch_dropout, "0..1, share of the patches that training leaves out");
  }
  ALLOY_API void validate() const;
};

class ALLOY_API SpectrogramTransformerImpl final : public Encoder {
 public:
  using Options = SpectrogramTransformerOptions;
  static constexpr auto kName = "spectrogram_transformer";
  explicit SpectrogramTransformerImpl(SpectrogramTransformerOptions options);
  /// @param input  values [B, T, mel_bins] float, mask [B, T]; T is padded to whole patches under mask
  /// @return pooled [B, dim], tokens [B, T' (mel_bins / patch_bins), dim] time first, T' = T / patch_frames rounded up;
  ///         a token is real where any of its frames is;
  ///         in training with patch_dropout only those that stay
  Features forward(const ModalityInput& input) override;
  int64_t dim() const override { return options_.dim; }
  int64_t token_dim() const override { return options_.dim; }
  const SpectrogramTransformerOptions& options() const { return options_; }

 private:
  SpectrogramTransformerOptions options_;
  Linear patches_;
  Tensor bands_;  // [1, 1, mel_bins / patch_bins, dim], where a patch stands in frequency; time codes are sinusoidal
  PatchDropout patch_dropout_;
  Transformer transformer_;
  TokenPool pool_;
};
using SpectrogramTransformer = Holder<SpectrogramTransformerImpl>;

}  // namespace alloy
