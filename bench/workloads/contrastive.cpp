// SPDX-License-Identifier: Apache-2.0
#include "worker.hpp"

#include <alloy/losses.hpp>

#include <torch/torch.h>

#include <cmath>

using alloy::Tensor;

namespace bench {

namespace {

/// Loss of features a, b [B, D] and scalars: the scale and, where it has one, the bias.
using Loss = Tensor (*)(const Tensor& a, const Tensor& b, const Tensor& scale, const Tensor& bias);

/// Forward, and backward by all inputs.
Work loss_work(Loss loss, const Inputs& inputs, int64_t times = 1) {
  std::vector<Tensor> leaves;
  std::vector<std::string> names;
  for (const auto* name : {"a", "b", "scale", "bias"}) {
    if (!inputs.contains(name)) continue;
    const Tensor x = inputs.at(name).detach();
    leaves.push_back((x.dim() == 2 && times > 1 ? x.repeat({times, 1}) : x.clone()).requires_grad_());
    names.push_back(std::string("grad_") + name);
  }
  leaves.resize(4);
  return {.call = [=]() -> Outputs {
    const Tensor value = loss(leaves[0], leaves[1], leaves[2], leaves[3]);
    const auto grads = torch::autograd::grad({value}, std::vector<Tensor>(leaves.begin(), leaves.begin() + std::ssize(names)));
    Outputs outputs{{"loss", value.detach()}};
    for (size_t i = 0; i < names.size(); ++i) outputs.emplace_back(names[i], grads[i]);
    return outputs;
  }};
}

Factory loss_factory(Loss loss) {
  return [loss](const Inputs& inputs) { return loss_work(loss, inputs); };
}

Tensor our_info_nce(const Tensor& a, const Tensor& b, const Tensor& scale, const Tensor&) { return alloy::info_nce(a, b, scale); }
Tensor our_sigmoid(const Tensor& a, const Tensor& b, const Tensor& scale, const Tensor& bias) { return alloy::sigmoid_loss(a, b, scale, bias); }

/// The usual composition of LibTorch's operations, on the whole matrix.
Tensor composed_info_nce(const Tensor& a, const Tensor& b, const Tensor& scale, const Tensor&) {
  const Tensor logits = scale * a.mm(b.t()), target = torch::arange(a.size(0));
  return 0.5 * (torch::cross_entropy_loss(logits, target) + torch::cross_entropy_loss(logits.t(), target));
}
Tensor composed_sigmoid(const Tensor& a, const Tensor& b, const Tensor& scale, const Tensor& bias) {
  const Tensor z = 2 * torch::eye(a.size(0)) - 1;
  return -torch::log_sigmoid(z * (scale * a.mm(b.t()) + bias)).sum() / a.size(0);
}

// Note [Repeated rows]: a batch of the same B rows r times has results that follow from those of the B rows, exactly. So what
// no peer has the memory for is still compared, with what a smaller batch gave.
/// The gradient [r B, D] as that of the small batch [B, D]: the largest and the least over the copies of a row.
void fold(Outputs& outputs, const std::string& name, const Tensor& grad, const Tensor& less, double factor, int64_t rows) {
  const Tensor copies = grad.view({-1, rows, grad.size(1)});
  outputs.emplace_back(name, copies.amax(0) * factor - less);
  outputs.emplace_back(name + ":least", copies.amin(0) * factor - less);
}

/// InfoNCE: log r more, since each sum has r times the terms; gradients by rows are r times less.
Work repeated_info_nce(const Inputs& inputs) {
  const int64_t r = inputs.at("times").item<int64_t>(), rows = inputs.at("a").size(0);
  Work work = loss_work(our_info_nce, inputs, r);
  work.compared = [=](const Outputs& out) {
    Outputs small{{"loss", out[0].second - std::log(static_cast<double>(r))}, {"grad_scale", out[3].second}};
    fold(small, "grad_a", out[1].second, torch::zeros({}), static_cast<double>(r), rows);
    fold(small, "grad_b", out[2].second, torch::zeros({}), static_cast<double>(r), rows);
    return small;
  };
  return work;
}

/// Sigmoid loss: r times the sum over negatives, but each row has one positive as before, and r - 1 copies of it as negatives.
Work repeated_sigmoid(const Inputs& inputs) {
  const double r = inputs.at("times").item<double>();
  const Tensor a = inputs.at("a"), b = inputs.at("b"), scale = inputs.at("scale"), bias = inputs.at("bias");
  const auto rows = static_cast<double>(a.size(0));
  Work work = loss_work(our_sigmoid, inputs, static_cast<int64_t>(r));
  work.compared = [=](const Outputs& out) {
    const Tensor cosine = (a * b).sum() / rows;  // the mean of pairs
    Outputs small{{"loss", (out[0].second - (r - 1) * (scale * cosine + bias)) / r}, {"grad_scale", (out[3].second - (r - 1) * cosine) / r},
                  {"grad_bias", (out[4].second - (r - 1)) / r}};
    fold(small, "grad_a", out[1].second, scale * b / rows * (1 - 1 / r), 1, a.size(0));
    fold(small, "grad_b", out[2].second, scale * a / rows * (1 - 1 / r), 1, a.size(0));
    return small;
  };
  return work;
}

[[maybe_unused]] const bool added = add("info_nce", loss_factory(our_info_nce)) && add("info_nce_composed", loss_factory(composed_info_nce)) &&
                                    add("info_nce_repeated", repeated_info_nce) && add("sigmoid_loss", loss_factory(our_sigmoid)) &&
                                    add("sigmoid_loss_composed", loss_factory(composed_sigmoid)) && add("sigmoid_loss_repeated", repeated_sigmoid);

}  // namespace

}  // namespace bench
