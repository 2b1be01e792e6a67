// SPDX-License-Identifier: Apache-2.0
#include <alloy/layers/residual_conv.hpp>

#include <torch/nn/init.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/normalization.h>
#include <torch/types.h>

#include <cmath>

namespace alloy {

namespace {

void check_norm(std::string_view where, ConvNorm norm, int64_t groups, int64_t channels) {
  check<ConfigError>(channels > 0, "[{}] expected channels > 0, got {}", {where, channels});
  if (norm == ConvNorm::group)
    check<ConfigError>(groups > 0 && channels % groups == 0, "[{}] expected channels divisible by groups, got {} channels and {} groups", {where, channels, groups});
}

void check_stride(std::string_view where, int64_t stride) {
  check<ConfigError>(stride == 1 || stride == 2, "[{}] expected a stride of 1 or 2, got {}", {where, stride});
}

}  // namespace

detail::BlockConvImpl::BlockConvImpl(int64_t in, int64_t out, int64_t size, int64_t stride, Kernels kernels) : stride_(stride) {
  weight_ = register_parameter("weight", torch::empty({out, in, size, size}));
  torch::nn::init::kaiming_normal_(weight_, 0.0, torch::kFanOut, torch::kReLU);  // He et al. 2015, eq. 14
  if (kernels == Kernels::standardised) gain_ = register_parameter("gain", torch::full({out}, std::sqrt(2.0)));
}

Tensor detail::BlockConvImpl::forward(const Tensor& x) {
  constexpr double kLeastVariance = 1e-6;
  Tensor weight = weight_;
  if (gain_.defined()) {
    const Tensor rows = weight_.flatten(1);  // [out, fan in]
    const double scale = 1 / std::sqrt(static_cast<double>(rows.size(1)));
    weight = (at::layer_norm(rows, {rows.size(1)}, {}, {}, kLeastVariance) * (gain_ * scale).unsqueeze(1)).view_as(weight_);
  }
  return at::conv2d(x, weight, {}, stride_, weight_.size(2) / 2);
}

detail::NormRelu::NormRelu(torch::nn::Module& owner, const std::string& name, ConvNorm norm, int64_t groups, int64_t channels) {
  if (norm == ConvNorm::group) group_ = owner.register_module(name, std::make_shared<torch::nn::GroupNormImpl>(torch::nn::GroupNormOptions(groups, channels)));
  else batch_ = owner.register_module(name, std::make_shared<torch::nn::BatchNorm2dImpl>(channels));
}

Tensor detail::NormRelu::operator()(const Tensor& x) {
  Tensor y = group_ ? group_->forward(x) : batch_->forward(x);
  return at::relu_(y);  // neither norm needs its output again
}

void ResidualBlockOptions::validate() const {
  check_norm("ResidualBlock", norm, groups, in_channels);
  check_norm("ResidualBlock", norm, groups, out_channels);
  check_stride("ResidualBlock", stride);
}

ResidualBlockImpl::ResidualBlockImpl(ResidualBlockOptions options)
    : options_(options),
      norm1_(*this, "norm1", options.norm, options.groups, options.in_channels),
      norm2_(*this, "norm2", options.norm, options.groups, options.out_channels) {
  const auto kernels = options.norm == ConvNorm::group ? detail::Kernels::standardised : detail::Kernels::plain;
  conv1_ = register_module("conv1", detail::BlockConv(options.in_channels, options.out_channels, 3, options.stride, kernels));
  conv2_ = register_module("conv2", detail::BlockConv(options.out_channels, options.out_channels, 3, 1, kernels));
  if (options.stride == 1 && options.in_channels == options.out_channels) return;
  shortcut_ = register_module("shortcut", detail::BlockConv(options.in_channels, options.out_channels, 1, options.stride, kernels));
}

Tensor ResidualBlockImpl::forward(const Tensor& x) {
  check_shape(x, {-1, options_.in_channels, -1, -1}, "ResidualBlock", "input");
  const Tensor active = norm1_(x);                                   // [B, C, H, W]
  const Tensor kept = shortcut_.is_empty() ? x : shortcut_(active);  // [B, C', H', W']
  return kept + conv2_(norm2_(conv1_(active)));
}

void ResidualConvOptions::validate() const {
  check<ConfigError>(in_channels > 0 && !widths.empty() && blocks > 0, "[ResidualConv] expected in_channels and blocks > 0 and at least one width, got {}, {} and {}",
                     {in_channels, blocks, widths});
  for (const int64_t width : widths) check_norm("ResidualConv", norm, groups, width);
  check_stride("ResidualConv", stem_stride);
}

int64_t residual_conv_size(const ResidualConvOptions& options, int64_t size) {
  if (options.stem_stride == 2) size = (size + 1) / 2;
  for (size_t i = 1; i < options.widths.size(); ++i) size = (size + 1) / 2;
  return size;
}

ResidualConvImpl::ResidualConvImpl(ResidualConvOptions options)
    : options_(std::move(options)), norm_(*this, "norm", options_.norm, options_.groups, options_.widths.back()) {
  // Not standardised: kernels of mean zero would not see how light a picture is.
  stem_ = register_module("stem", detail::BlockConv(options_.in_channels, options_.widths.front(), 3, options_.stem_stride, detail::Kernels::plain));
  int64_t in = options_.widths.front();
  for (size_t stage = 0; stage < options_.widths.size(); ++stage)
    for (int64_t i = 0; i < options_.blocks; ++i) {
      const int64_t out = options_.widths[stage], stride = stage > 0 && i == 0 ? 2 : 1;
      blocks_.push_back(ResidualBlock({.in_channels = in, .out_channels = out, .stride = stride, .norm = options_.norm, .groups = options_.groups}));
      register_module("blocks_" + std::to_string(blocks_.size() - 1), blocks_.back());
      in = out;
    }
}

Tensor ResidualConvImpl::forward(const Tensor& x) {
  check_shape(x, {-1, options_.in_channels, -1, -1}, "ResidualConv", "input");
  Tensor y = stem_(x.contiguous(at::MemoryFormat::ChannelsLast));  // [B, widths[0], H, W]
  for (ResidualBlock& block : blocks_) y = block(y);               // [B, widths[s], H / 2^s, W / 2^s]
  return norm_(y);
}

}  // namespace alloy
