// SPDX-License-Identifier: Apache-2.0
#include "losses/detail/product.hpp"

#include <ATen/Functions.h>
#include <ATen/core/dispatch/Dispatcher.h>

namespace alloy::detail {

namespace {

using LinearPointwise = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, c10::string_view, c10::List<std::optional<at::Scalar>>,
                                   std::optional<c10::string_view>);

/// oneDNN's product, where this build of LibTorch has it.
const std::optional<c10::TypedOperatorHandle<LinearPointwise>>& onednn_linear() {
  static const auto found = [] {
    std::optional<c10::TypedOperatorHandle<LinearPointwise>> typed;
    const auto schema = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
    if (schema && schema->hasKernelForDispatchKey(c10::DispatchKey::MkldnnCPU)) typed = schema->typed<LinearPointwise>();
    if (schema && !typed && schema->hasKernelForDispatchKey(c10::DispatchKey::CPU)) typed = schema->typed<LinearPointwise>();
    return typed;
  }();
  return found;
}

}  // namespace

Tensor product(const Tensor& x, const Tensor& w) {
  constexpr int64_t kSmall = int64_t{1} << 22;
  const int64_t work = x.size(0) * x.size(1) * w.size(0);
  if (work >= kSmall && x.scalar_type() == at::kFloat && x.device().is_cpu() && onednn_linear())
    return onednn_linear()->call(x, w, std::nullopt, "none", c10::List<std::optional<at::Scalar>>(), "");
  return at::mm(x, w.t());
}

bool multiplies_bfloat16() {
#if defined(__x86_64__)
  static const bool found = __builtin_cpu_supports("avx512bf16") && onednn_linear();
  return found;
#else
  return false;
#endif
}

}  // namespace alloy::detail
