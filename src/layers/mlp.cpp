// SPDX-License-Identifier: Apache-2.0
#include <alloy/layers/mlp.hpp>

#include <ATen/Functions.h>

namespace alloy {

void check_dropout_rate(std::string_view where, double rate) {
  check<ConfigError>(rate >= 0.0 && rate < 1.0, "[{}] expected 0 <= dropout_rate < 1, got {}", {where, rate});
}

void MlpOptions::validate() const {
  check<ConfigError>(in_dim > 0 && hidden_dim >= 0 && out_dim >= 0,
                     "[Mlp] expected in_dim > 0, hidden_dim >= 0 and out_dim >= 0, got {}, {} and {}", {in_dim, hidden_dim, out_dim});
  check_dropout_rate("Mlp", dropout_rate);
}

MlpImpl::MlpImpl(MlpOptions options)
    : options_(options),
      up_({.in_dim = options.in_dim, .out_dim = options.hidden_dim > 0 ? options.hidden_dim : options.in_dim}),
      down_({.in_dim = up_->options().out_dim, .out_dim = options.out_dim > 0 ? options.out_dim : options.in_dim}) {
  register_module("up", up_);
  register_module("down", down_);
}

Tensor MlpImpl::forward(const Tensor& x) {
  return down_(at::dropout(at::gelu(up_(x)), options_.dropout_rate, is_training()));
}

}  // namespace alloy
