// SPDX-License-Identifier: Apache-2.0
#include <alloy/losses/logit_scale.hpp>

#include <torch/types.h>
#include <torch/utils.h>

#include <cmath>

namespace alloy {

void LogitScaleOptions::validate() const {
  check<ConfigError>(largest >= 1 && start >= 1 && start <= largest && std::isfinite(largest), "[LogitScale] expected 1 <= start <= largest, got start {} and largest {}", {start, largest});
  check<ConfigError>(std::isfinite(bias), "[LogitScale] expected a finite bias, got {}", {bias});
}

LogitScaleImpl::LogitScaleImpl(LogitScaleOptions options) : options_(options) {
  const auto keep = [&](const char* name, double value) {
    const Tensor scalar = torch::full({}, value);
    return options_.learned ? register_parameter(name, scalar) : register_buffer(name, scalar);
  };
  log_scale_ = keep("log_scale", std::log(options_.start));
  if (options_.with_bias) bias_ = keep("bias", options_.bias);
}

Tensor LogitScaleImpl::forward() const { return log_scale_.exp(); }

// Note [Temperature clamp]: the parameter is cut back after a step rather than inside forward, where a scale beyond the
// bound would have no gradient and never come back. CLIP does the same.
void LogitScaleImpl::clamp() {
  const torch::NoGradGuard no_grad;
  log_scale_.clamp_(0.0, std::log(options_.largest));
}

}  // namespace alloy
