// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Stacks of strided 3x3 convolutions for images and spectrograms. Norms act on the channels of one position, so no
/// sample and no padding touches another: results do not depend on the batch.

#include <alloy/core/holder.hpp>
#include <alloy/core/tensor.hpp>
#include <alloy/layers/torch_layers.hpp>

#include <memory>

namespace alloy {

struct ConvStackOptions {
  int64_t in_channels = 1;
  std::vector<int64_t> channels = {16, 32, 64};
  static void describe(auto& self, auto&& field) {
    field("in_channels", self.in_channels, "channels of the input, > 0");
    field("channels", self.channels, "channels after each stage, > 0; each stage halves height and width, rounding up");
  }
  ALLOY_API void validate() const;
};

class ALLOY_API ConvStackImpl final : public torch::nn::Module {
 public:
  using Options = ConvStackOptions;
  static constexpr auto kName = "conv_stack";
  explicit ConvStackImpl(ConvStackOptions options);
  struct Output {
    Tensor values;    ///< [B, C', H', W']
    Tensor row_mask;  ///< [B, H'] bool, undefined if none was given
  };
  /// @param x         [B, in_channels, H, W]
  /// @param row_mask  [B, H] bool: rows (frames of a spectrogram) that are real; undefined = all. Others count as zero
  ///                  padding at every stage; a row of the output is real where any of its two input rows is.
  Output forward(const Tensor& x, const Tensor& row_mask = {});
  const ConvStackOptions& options() const { return options_; }

 private:
  ConvStackOptions options_;
  std::vector<std::shared_ptr<torch::nn::Conv2dImpl>> convs_;
  std::vector<std::shared_ptr<torch::nn::LayerNormImpl>> norms_;
};
using ConvStack = Holder<ConvStackImpl>;

}  // namespace alloy
