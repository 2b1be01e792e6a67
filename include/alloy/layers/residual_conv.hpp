// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A small residual network of 3x3 convolutions for images and spectrograms: blocks with the norm and the activation
/// before each convolution (He et al. 2016, "Identity Mappings in Deep Residual Networks", fig. 4e). Maps are kept with
/// the channels last, where oneDNN's convolutions and group norm are faster; shapes are as ever.

#include <alloy/core/holder.hpp>
#include <alloy/core/tensor.hpp>
#include <alloy/layers/torch_layers.hpp>

#include <array>
#include <memory>
#include <utility>

namespace alloy {

/// group: Wu & He 2018, of one sample, with standardised weights (Qiao et al. 2019, "Micro-Batch Training with
/// Batch-Channel Normalization and Weight Standardization"); a sample gives the same in any batch. batch: Ioffe & Szegedy
/// 2015; in training every sample depends on its batch, so that a gradient cache refuses it.
enum class ConvNorm { group, batch };
constexpr auto enum_names(ConvNorm) {
  return std::to_array<std::pair<ConvNorm, std::string_view>>({{ConvNorm::group, "group"}, {ConvNorm::batch, "batch"}});
}

namespace detail {
enum class Kernels { plain, standardised };
/// A convolution without a bias. Standardised, its kernels are (w - mean) / std of each output channel, times a learned
/// gain / sqrt(fan in): the gain starts at sqrt 2, so that variance is kept through a ReLU.
class ALLOY_API BlockConvImpl final : public torch::nn::Module {
 public:
  BlockConvImpl(int64_t in, int64_t out, int64_t size, int64_t stride, Kernels kernels);
  Tensor forward(const Tensor& x);

 private:
  int64_t stride_;
  Tensor weight_;  // [out, in, size, size]
  Tensor gain_;    // [out], undefined if not standardised
};
using BlockConv = torch::nn::ModuleHolder<BlockConvImpl>;

/// A norm and a ReLU.
class ALLOY_API NormRelu {
 public:
  /// Registers the norm as a child of `owner`.
  NormRelu(torch::nn::Module& owner, const std::string& name, ConvNorm norm, int64_t groups, int64_t channels);
  Tensor operator()(const Tensor& x);

 private:
  std::shared_ptr<torch::nn::GroupNormImpl> group_;
  std::shared_ptr<torch::nn::BatchNorm2dImpl> batch_;
};
}  // namespace detail

struct ResidualBlockOptions {
  int64_t in_channels = 32;
  int64_t out_channels = 32;
  int64_t stride = 1;
  ConvNorm norm = ConvNorm::group;
  int64_t groups = 8;
  static void describe(auto& self, auto&& field) {
    field("in_channels", self.in_channels, "channels of the input, > 0");
    field("out_channels", self.out_channels, "channels of the output, > 0");
    field("stride", self.stride, "1, or 2 to halve height and width");
    field("norm", self.norm, "over groups of channels of one sample, or over the batch");
    field("groups", self.groups, "groups of group norm, > 0; both numbers of channels are multiples of it");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// x + conv(relu(norm(conv(relu(norm(x)))))). Where stride or channels change, x is what a 1x1 convolution makes of
/// relu(norm(x)).
class ALLOY_API ResidualBlockImpl final : public torch::nn::Module {
 public:
  using Options = ResidualBlockOptions;
  static constexpr auto kName = "residual_block";
  explicit ResidualBlockImpl(ResidualBlockOptions options);
  /// [B, in_channels, H, W] to [B, out_channels, H', W']
  Tensor forward(const Tensor& x);
  const ResidualBlockOptions& options() const { return options_; }

 private:
  ResidualBlockOptions options_;
  detail::NormRelu norm1_, norm2_;
  detail::BlockConv conv1_{nullptr}, conv2_{nullptr}, shortcut_{nullptr};
};
using ResidualBlock = Holder<ResidualBlockImpl>;

struct ResidualConvOptions {
  int64_t in_channels = 3;
  std::vector<int64_t> widths = {32, 64, 128, 256};
  int64_t blocks = 1;
  int64_t stem_stride = 1;
  ConvNorm norm = ConvNorm::group;
  int64_t groups = 8;
  static void describe(auto& self, auto&& field) {
    field("in_channels", self.in_channels, "channels of the input, > 0");
    field("widths", self.widths, "channels of each stage; all stages but the first halve height and width, rounding up");
    field("blocks", self.blocks, "residual blocks a stage, > 0");
    field("stem_stride", self.stem_stride, "of the first convolution: 1, or 2 to halve height and width before the stages");
    field("norm", self.norm, "over groups of channels of one sample, or over the batch");
    field("groups", self.groups, "groups of group norm, > 0; each width is a multiple of it");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// What a side of `size` pixels is in the last map.
ALLOY_API int64_t residual_conv_size(const ResidualConvOptions& options, int64_t size);

class ALLOY_API ResidualConvImpl final : public torch::nn::Module {
 public:
  using Options = ResidualConvOptions;
  static constexpr auto kName = "residual_conv";
  explicit ResidualConvImpl(ResidualConvOptions options);
  /// @param x  [B, in_channels, H, W]
  /// @return [B, widths.back(), H', W'], after the last norm and activation, so >= 0
  Tensor forward(const Tensor& x);
  const ResidualConvOptions& options() const { return options_; }

 private:
  ResidualConvOptions options_;
  detail::BlockConv stem_{nullptr};
  std::vector<ResidualBlock> blocks_;
  detail::NormRelu norm_;
};
using ResidualConv = Holder<ResidualConvImpl>;

}  // namespace alloy
