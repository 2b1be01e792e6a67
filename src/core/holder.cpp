// SPDX-License-Identifier: Apache-2.0
#include <alloy/core/holder.hpp>

#include <alloy/core/tensor.hpp>
#include <torch/utils.h>

namespace alloy::detail {

namespace {

template <class Dict>
void copy_tensors(const Dict& from, Dict to, std::string_view what) {
  check<ConfigError>(from.size() == to.size(), "[clone] expected the same {} in both modules, got {} and {}", {what, from.size(), to.size()});
  for (auto& item : to) {
    const Tensor* source = from.find(item.key());
    check<ConfigError>(source != nullptr, "[clone] expected '{}' in both modules", {item.key()});
    // set_data follows dtype and device of the source, which copy_ would not; buffers may even change their shape
    item.value().set_data(source->detach().clone());
    item.value().set_requires_grad(source->requires_grad());
  }
}

}  // namespace

void copy_state(const torch::nn::Module& from, torch::nn::Module& to) {
  const torch::NoGradGuard no_grad;
  copy_tensors(from.named_parameters(), to.named_parameters(), "parameters");
  copy_tensors(from.named_buffers(), to.named_buffers(), "buffers");
  const auto sources = from.modules();
  const auto targets = to.modules();
  for (size_t i = 0; i < std::min(sources.size(), targets.size()); ++i)
    if (sources[i]->is_training() != targets[i]->is_training()) targets[i]->train(sources[i]->is_training());
}

}  // namespace alloy::detail
