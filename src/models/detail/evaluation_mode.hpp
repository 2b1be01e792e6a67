// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <alloy/core/tensor.hpp>
#include <torch/nn/module.h>

namespace alloy::detail {

/// Evaluation mode for a scope. A model that is in it already is not touched, so that threads may share it.
class EvaluationMode {
 public:
  explicit EvaluationMode(torch::nn::Module& module) : module_(module), training_(module.is_training()) {
    if (training_) module_.eval();
  }
  ~EvaluationMode() {
    if (training_) module_.train();
  }
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  torch::nn::Module& module_;
  bool training_;
};

inline bool all_finite(const Tensor& tensor) { return !tensor.defined() || tensor.isfinite().all().item<bool>(); }

inline int64_t num_parameters(const torch::nn::Module& module) {
  int64_t count = 0;
  for (const Tensor& p : module.parameters()) count += p.numel();
  return count;
}

}  // namespace alloy::detail
