// SPDX-License-Identifier: Apache-2.0
#include <alloy/layers/recompute.hpp>

#include "core/detail/autocast_scope.hpp"
#include "core/detail/dropout_state.hpp"

#include <alloy/layers/transformer.hpp>

#include <torch/autograd.h>
#include <torch/utils.h>

namespace alloy {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// What the second pass needs; shared, since a context keeps no functions.
struct Again : torch::CustomClassHolder {
  std::function<Tensor(const Tensor&)> block;
  Tensor dropout;
  bool autocast = false;
  at::ScalarType autocast_dtype = at::kBFloat16;
};

struct Recomputed : torch::autograd::Function<Recomputed> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const c10::intrusive_ptr<Again>& again) {
    context->save_for_backward({x});
    context->saved_data["again"] = c10::IValue::make_capsule(again);
    const torch::NoGradGuard no_grad;
    return again->block(x);
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto again = c10::static_intrusive_pointer_cast<Again>(context->saved_data["again"].toCapsule());
    const Tensor x = context->get_saved_variables()[0].detach().requires_grad_();
    detail::DropoutState dropout;
    const Tensor now = dropout.get();
    Tensor y;
    {
      const torch::AutoGradMode grad_mode(true);
      const detail::AutocastScope autocast(again->autocast, again->autocast_dtype);
      dropout.set(again->dropout);
      y = again->block(x);
      dropout.set(now);
    }
    torch::autograd::backward({y}, {grads[0]});
    return {x.grad(), Tensor()};
  }
};

}  // namespace

Tensor recomputed(std::function<Tensor(const Tensor&)> block, const Tensor& x) {
  if (!torch::GradMode::is_enabled()) return block(x);
  auto again = c10::make_intrusive<Again>();
  again->block = std::move(block);
  again->dropout = detail::DropoutState().get();
  again->autocast = at::autocast::is_autocast_enabled(at::kCPU);
  again->autocast_dtype = at::autocast::get_autocast_dtype(at::kCPU);
  return Recomputed::apply(x.requires_grad() ? x : x.detach().requires_grad_(), again);
}

int64_t recompute_blocks(torch::nn::Module& module, bool on) {
  int64_t found = 0;
  for (const auto& child : module.modules(/*include_self=*/true))
    if (auto* transformer = child->as<TransformerImpl>()) transformer->set_recompute(on), ++found;
  return found;
}

}  // namespace alloy
