// SPDX-License-Identifier: Apache-2.0
#include <alloy/layers/conv.hpp>

#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/normalization.h>
#include <torch/types.h>

namespace alloy {

void ConvStackOptions::validate() const {
  check<ConfigError>(in_channels > 0 && !channels.empty(), "[ConvStack] expected in_channels > 0 and at least one stage, got {} and {}", {in_channels, channels});
  for (const int64_t c : channels) check<ConfigError>(c > 0, "[ConvStack] expected channels > 0, got {}", {channels});
}

ConvStackImpl::ConvStackImpl(ConvStackOptions options) : options_(std::move(options)) {
  int64_t in = options_.in_channels;
  for (const int64_t out : options_.channels) {
    const std::string number = std::to_string(convs_.size());
    convs_.push_back(std::make_shared<torch::nn::Conv2dImpl>(torch::nn::Conv2dOptions(in, out, 3).stride(2).padding(1)));
    norms_.push_back(std::make_shared<torch::nn::LayerNormImpl>(torch::nn::LayerNormOptions({out})));
    register_module("convs_" + number, convs_.back());
    register_module("norms_" + number, norms_.back());
    in = out;
  }
}

ConvStackImpl::Output ConvStackImpl::forward(const Tensor& x, const Tensor& row_mask) {
  check_shape(x, {-1, options_.in_channels, -1, -1}, "ConvStack", "input");
  check_mask(row_mask, x.size(0), x.size(2), "ConvStack");
  const Tensor zero = at::zeros({}, x.options());
  Output out{x, row_mask};
  if (row_mask.defined()) out.values = at::where(row_mask.unsqueeze(1).unsqueeze(3), x, zero);
  for (size_t i = 0; i < convs_.size(); ++i) {
    Tensor y = convs_[i]->forward(out.values);                                          // [B, C, ceil(H / 2), ceil(W / 2)]
    y = at::gelu(norms_[i]->forward(y.permute({0, 2, 3, 1})).permute({0, 3, 1, 2}));
    if (row_mask.defined()) {
      const int64_t odd = out.row_mask.size(1) % 2;
      out.row_mask = at::constant_pad_nd(out.row_mask, {0, odd}, 0).view({x.size(0), -1, 2}).any(2);  // [B, ceil(H / 2)]
      y = at::where(out.row_mask.unsqueeze(1).unsqueeze(3), y, zero);
    }
    out.values = y;
  }
  return out;
}

}  // namespace alloy
