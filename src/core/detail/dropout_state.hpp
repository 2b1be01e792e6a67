// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/CPUGeneratorImpl.h>
#include <alloy/core/tensor.hpp>

namespace alloy::detail {

/// LibTorch's generator of the CPU, from which dropout draws: for passes that must draw the same numbers twice.
class DropoutState {
 public:
  DropoutState() : generator_(at::detail::getDefaultCPUGenerator()) {}
  Tensor get() {
    const std::scoped_lock lock(generator_.mutex());
    return generator_.get_state();
  }
  void set(const Tensor& state) {
    const std::scoped_lock lock(generator_.mutex());
    generator_.set_state(state);
  }

 private:
  at::Generator generator_;
};

}  // namespace alloy::detail
