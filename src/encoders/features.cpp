// SPDX-License-Identifier: Apache-2.0
#include <alloy/encoders/features.hpp>

#include <ATen/Functions.h>

namespace alloy {

void FeatureEncoderOptions::validate() const {
  check<ConfigError>(in_dim > 0 && dim >= 0, "[FeatureEncoder] expected in_dim > 0 and dim >= 0, got {} and {}", {in_dim, dim});
}

FeatureEncoderImpl::FeatureEncoderImpl(FeatureEncoderOptions options) : options_(options) {
  if (options_.dim == 0) return;
  map_ = Linear({.in_dim = options_.in_dim, .out_dim = options_.dim});
  register_module("map", map_);
}

Features FeatureEncoderImpl::forward(const ModalityInput& input) {
  const Tensor& x = input.values;
  check<ShapeError>(x.defined() && (x.dim() == 2 || x.dim() == 3) && x.size(-1) == options_.in_dim,
                    "[FeatureEncoder] expected features [B, {}] or [B, T, {}], got {}", {options_.in_dim, options_.in_dim, x});
  check_floating(x, "FeatureEncoder", "features");
  Tensor tokens = x.dim() == 3 ? zero_padding(x, input.mask) : x.unsqueeze(1);
  if (!map_.is_empty()) tokens = map_(tokens);  // [B, T, D]
  const Tensor mask = x.dim() == 3 ? input.mask : Tensor();
  return {.pooled = masked_mean(tokens, mask), .tokens = tokens, .mask = mask, .present = input.present, .times = input.times};
}

}  // namespace alloy
