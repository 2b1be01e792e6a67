// SPDX-License-Identifier: Apache-2.0
#include <alloy/encoders/lenet.hpp>

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/types.h>

namespace alloy {

void LeNetEncoderOptions::validate() const {
  check<ConfigError>(channels > 0 && base > 0, "[LeNetEncoder] expected channels and base > 0, got {} and {}", {channels, base});
  check<ConfigError>(extra >= 0 && extra <= 12, "[LeNetEncoder] expected extra in 0..12, got {}", {extra});
}

LeNetEncoderImpl::LeNetEncoderImpl(LeNetEncoderOptions options) : options_(options) {
  int64_t in = options_.channels;
  for (int64_t i = 0; i <= options_.extra; ++i) {
    const int64_t out = options_.base << i, size = i == 0 ? 5 : 3;
    convs_.push_back(std::make_shared<torch::nn::Conv2dImpl>(torch::nn::Conv2dOptions(in, out, size).padding(size / 2).bias(false)));
    norms_.push_back(std::make_shared<torch::nn::BatchNorm2dImpl>(out));
    register_module("convs_" + std::to_string(i), convs_.back());
    register_module("norms_" + std::to_string(i), norms_.back());
    in = out;
  }
}

Features LeNetEncoderImpl::forward(const ModalityInput& input) {
  check_shape(input.values, {-1, options_.channels, -1, -1}, "LeNetEncoder", "pictures");
  check_floating(input.values, "LeNetEncoder", "pictures");
  const int64_t least = int64_t{2} << options_.extra;
  check<ShapeError>(input.values.size(2) >= least && input.values.size(3) >= least,
                    "[LeNetEncoder] expected pictures of at least {}x{} pixels for {} poolings, got {}", {least, least, options_.extra + 1, input.values});
  Tensor x = input.values;
  for (size_t i = 0; i < convs_.size(); ++i) x = at::max_pool2d(at::relu(norms_[i]->forward(convs_[i]->forward(x))), 2);  // [B, C, H / 2, W / 2]
  return {.pooled = x.mean({2, 3}), .tokens = {}, .mask = {}, .present = input.present, .times = {}};
}

}  // namespace alloy
