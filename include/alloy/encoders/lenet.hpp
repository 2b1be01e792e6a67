// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Images: the LeNet that AV-MNIST models are built from (Liang et al. 2021, "MultiBench"): a 5x5 convolution, then
/// `extra` 3x3 convolutions that double the channels, each with batch norm, ReLU and 2x2 max pooling, none with a bias.

#include <alloy/core/encoder.hpp>
#include <alloy/layers/torch_layers.hpp>

#include <memory>

namespace alloy {

struct LeNetEncoderOptions {
  int64_t channels = 1;
  int64_t base = 6;
  int64_t extra = 3;
  static void describe(auto& self, auto&& field) {
    field("channels", self.channels, "channels of the picture, > 0");
    field("base", self.base, "channels after the first convolution, > 0");
    field("extra", self.extra, "number of further convolutions, >= 0");
  }
  ALLOY_API void validate() const;
};

class ALLOY_API LeNetEncoderImpl final : public Encoder {
 public:
  using Options = LeNetEncoderOptions;
  static constexpr auto kName = "lenet";
  explicit LeNetEncoderImpl(LeNetEncoderOptions options);
  /// @param input  values [B, channels, H, W] with H and W at least 2^(extra + 1)
  /// @return pooled [B, base 2^extra], the mean of the last map (28x28 and 112x112 leave 1x1 and 1x1 with extra 3 and 5)
  Features forward(const ModalityInput& input) override;
  int64_t dim() const override { return options_.base << options_.extra; }
  const LeNetEncoderOptions& options() const { return options_; }

 private:
  LeNetEncoderOptions options_;
  std::vector<std::shared_ptr<torch::nn::Conv2dImpl>> convs_;
  std::vector<std::shared_ptr<torch::nn::BatchNorm2dImpl>> norms_;
};
using LeNetEncoder = Holder<LeNetEncoderImpl>;

}  // namespace alloy
