// SPDX-License-Identifier: Apache-2.0
#include "worker.hpp"

#include <alloy/losses.hpp>

#include <torch/torch.h>

using alloy::Tensor;

namespace bench {

namespace {

/// Forward and backward of a loss of features a, b [B, D] and a scale.
template <class Loss>
Factory loss_work(Loss loss) {
  return [loss](const Inputs& inputs) -> Work {
    const Tensor a = inputs.at("a").clone().requires_grad_(), b = inputs.at("b").clone().requires_grad_(), scale = inputs.at("scale").clone().requires_grad_();
    return [=]() -> Outputs {
      const Tensor value = loss(a, b, scale);
      const auto grads = torch::autograd::grad({value}, {a, b, scale});
      return {{"loss", value.item<double>()}, {"grad_a", grads[0].norm().item<double>()}, {"grad_b", grads[1].norm().item<double>()}, {"grad_scale", grads[2].item<double>()}};
    };
  };
}

/// The usual composition of LibTorch's operations, on the whole matrix.
Tensor composed_info_nce(const Tensor& a, const Tensor& b, const Tensor& scale) {
  const Tensor logits = scale * a.mm(b.t()), target = torch::arange(a.size(0));
  return 0.5 * (torch::cross_entropy_loss(logits, target) + torch::cross_entropy_loss(logits.t(), target));
}

Tensor composed_sigmoid(const Tensor& a, const Tensor& b, const Tensor& scale) {
  const Tensor z = 2 * torch::eye(a.size(0)) - 1;
  return -torch::log_sigmoid(z * (scale * a.mm(b.t()) - 10)).sum() / a.size(0);
}

}  // namespace

const std::map<std::string, Factory>& workloads() {
  static const std::map<std::string, Factory> all = {
      {"info_nce", loss_work([](const Tensor& a, const Tensor& b, const Tensor& s) { return alloy::info_nce(a, b, s); })},
      {"info_nce_composed", loss_work(composed_info_nce)},
      {"sigmoid_loss", loss_work([](const Tensor& a, const Tensor& b, const Tensor& s) { return alloy::sigmoid_loss(a, b, s, torch::tensor(-10.0F)); })},
      {"sigmoid_loss_composed", loss_work(composed_sigmoid)},
  };
  return all;
}

}  // namespace bench
