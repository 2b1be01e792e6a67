// SPDX-License-Identifier: Apache-2.0
#include <alloy/fusion/missing.hpp>

#include <torch/nn/init.h>
#include <torch/types.h>

namespace alloy {

MissingVectorsImpl::MissingVectorsImpl(MissingVectorsOptions options) : options_(std::move(options)) {
  if (options_.missing == Missing::zeros) return;
  for (size_t m = 0; m < options_.dims.size(); ++m) {
    vectors_.push_back(register_parameter("vectors_" + std::to_string(m), torch::empty({options_.dims[m]})));
    torch::nn::init::normal_(vectors_.back(), 0.0, 0.02);
  }
}

std::vector<Tensor> MissingVectorsImpl::forward(const PooledInputs& inputs) {
  if (vectors_.empty()) return inputs.values;  // absent rows are zero already
  std::vector<Tensor> filled;
  for (size_t m = 0; m < inputs.values.size(); ++m)
    filled.push_back(at::where(inputs.present.select(1, static_cast<int64_t>(m)).unsqueeze(1), inputs.values[m], vectors_[m]));
  return filled;
}

}  // namespace alloy
