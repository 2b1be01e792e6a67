// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Audio: a residual network of 3x3 convolutions over a log-mel spectrogram of fixed length, whose last map is flattened:
/// it matters when a sound comes and at which frequency, as in spoken words and short commands. For sounds of any length
/// take SpectrogramEncoder, which averages.

#include <alloy/core/encoder.hpp>
#include <alloy/layers/linear.hpp>
#include <alloy/layers/residual_conv.hpp>

namespace alloy {

struct ConvAudioEncoderOptions {
  int64_t mel_bins = 64;
  int64_t frames = 101;
  int64_t dim = 128;
  std::vector<int64_t> widths = {16, 32, 64, 128};
  int64_t blocks = 1;
  int64_t stem_stride = 2;
  ConvNorm norm = ConvNorm::group;
  int64_t groups = 8;
  double dropout_rate = 0.0;
  static void describe(auto& self, auto&& field) {
    field("mel_bins", self.mel_bins, "mel bins F of a frame, > 0");
    field("frames", self.frames, "longest spectrogram in frames, 1..65536; shorter ones are followed by zeros. 101 = 1 s of the default log-mel");
    field("dim", self.dim, "width of the output, > 0");
    field("widths", self.widths, "channels of each stage; all stages but the first halve frames and bins");
    field("blocks", self.blocks, "residual blocks a stage, > 0");
    field("stem_stride", self.stem_stride, "of the first convolution: 1, or 2 to halve frames and bins before the stages");
    field("norm", self.norm, "over groups of channels of one sample, or over the batch");
    field("groups", self.groups, "groups of group norm, > 0; each width is a multiple of it");
    field("dropout_rate", self.dropout_rate, "0..1, on the flattened map");
  }
  ALLOY_API void validate() const;
};

class ALLOY_API ConvAudioEncoderImpl final : public Encoder {
 public:
  using Options = ConvAudioEncoderOptions;
  static constexpr auto kName = "conv_audio";
  explicit ConvAudioEncoderImpl(ConvAudioEncoderOptions options);
  /// Frames under mask = false count as zeros, and so do those missing up to `frames`: zero is the mean of a spectrogram
  /// that is normalised.
  /// @param input  values [B, T, mel_bins] float, mask [B, T]; T in 1..frames
  /// @return pooled [B, dim]
  /// @throws ShapeError; also for more frames than `frames`: cutting them off would hide a word, so the reader has to
  ///         (option `seconds`)
  Features forward(const ModalityInput& input) override;
  int64_t dim() const override { return options_.dim; }
  const ConvAudioEncoderOptions& options() const { return options_; }

 private:
  ConvAudioEncoderOptions options_;
  ResidualConv network_;
  Linear output_;
};
using ConvAudioEncoder = Holder<ConvAudioEncoderImpl>;

}  // namespace alloy
