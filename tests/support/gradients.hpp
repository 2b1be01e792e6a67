// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Gradients against finite differences in double.

#include <functional>

namespace alloy_test {

/// The largest difference between the gradient of f and central differences, divided by the gradient's largest entry.
/// f maps the inputs to a scalar; inputs are double leaves that require gradients.
inline double gradient_error(const std::function<at::Tensor()>& f, const std::vector<at::Tensor>& inputs, double step = 1e-5) {
  const auto grads = torch::autograd::grad({f()}, inputs, {}, std::nullopt, false, /*allow_unused=*/true);
  double worst = 0, largest = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const at::Tensor grad = grads[i].defined() ? grads[i].contiguous() : torch::zeros_like(inputs[i]);
    torch::NoGradGuard no_grad;
    double* value = inputs[i].mutable_data_ptr<double>();
    for (int64_t k = 0; k < inputs[i].numel(); ++k) {
      const double before = value[k];
      value[k] = before + step;
      const double up = f().item<double>();
      value[k] = before - step;
      const double down = f().item<double>();
      value[k] = before;
      const double given = grad.const_data_ptr<double>()[k];
      worst = std::max(worst, std::abs(given - (up - down) / (2 * step)));
      largest = std::max(largest, std::abs(given));
    }
  }
  return worst / std::max(largest, 1e-12);
}

}  // namespace alloy_test
