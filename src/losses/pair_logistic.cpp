// SPDX-License-Identifier: Apache-2.0
#include "losses/detail/pair_kernels.hpp"
#include "losses/detail/pair_tiles.hpp"
#include "losses/detail/tile_loop.hpp"

#include <torch/csrc/autograd/custom_function.h>

namespace alloy::detail {

namespace {

using Context = torch::autograd::AutogradContext;
using Tensors = torch::autograd::tensor_list;

/// The loss of the tiles of one part.
struct Sums {
  double loss = 0, grad_bias = 0;
};

/// Turns products of a tile into the gradients by them.
class LogisticTiles {
 public:
  LogisticTiles(const Pairs& p, double bias, const Tensor& v, const Tensor& w)
      : p_(p), bias_(bias), v_(v.to(work_type(p.a)).contiguous()), w_(w.to(work_type(p.a)).contiguous()), sums_(static_cast<size_t>(p.parts)) {}

  /// log(1 + exp(-x)) = log(1 + exp(x)) - x: all pairs as negatives first, then positives corrected.
  void operator()(Tile& tile, bool differentiable) {
    Sums& sums = sums_[static_cast<size_t>(tile.part)];
    visit(tile, [&](auto weight, auto& value) { sums.loss -= static_cast<double>(weight) * (static_cast<double>(value) + bias_); });
    sums.loss += tile.values.scalar_type() == at::kDouble ? negatives_in_double(tile.values, tile) : negatives(tile);
    if (!differentiable) return;
    visit(tile, [](auto weight, auto& value) { value -= weight; });
    sums.grad_bias += tile.values.sum().item<double>();
  }

  Sums total() const {
    Sums all;
    for (const Sums& sums : sums_) all.loss += sums.loss, all.grad_bias += sums.grad_bias;
    return all;
  }

 private:
  /// Calls `f(weight, value)` for the positives of a tile.
  template <class F>
  void visit(Tile& tile, const F& f) const {
    tile.with_values([&](auto* values) {
      using T = std::remove_pointer_t<decltype(values)>;
      const T *v = v_.const_data_ptr<T>(), *w = w_.const_data_ptr<T>();
      p_.positives.visit(tile.i0, tile.i1, tile.j0, tile.j1, [&](int64_t i, int64_t j) { f(v[i] + w[j], values[(i - tile.i0) * tile.cols() + j - tile.j0]); });
    });
  }

  double negatives(Tile& tile) const {
    const float *v = v_.const_data_ptr<float>() + tile.i0, *w = w_.const_data_ptr<float>() + tile.j0;
    double loss = 0;
    for (int64_t i = 0; i < tile.rows(); ++i)
      loss += pair_kernels().softplus_gradient(tile.values.data_ptr<float>() + i * tile.cols(), static_cast<float>(bias_), v[i], w, tile.cols());
    return loss;
  }

  double negatives_in_double(Tensor& values, const Tile& tile) const {
    const Tensor weight = v_.slice(0, tile.i0, tile.i1).unsqueeze(1) + w_.slice(0, tile.j0, tile.j1), z = values + bias_;
    values.copy_(weight * z.sigmoid());
    return (weight * at::softplus(z, 1, 1e300)).sum().item<double>();
  }

  const Pairs& p_;
  double bias_;
  Tensor v_, w_;
  std::vector<Sums> sums_;
};

struct Logistic : torch::autograd::Function<Logistic> {
  static Tensor forward(Context* context, const Tensor& a, const Tensor& b, const Tensor& scale, const Tensor& bias, const PairTargets& targets, const Tensor& v, const Tensor& w,
                        bool differentiable) {
    const Pairs p(a, b, scale, targets);
    LogisticTiles tiles(p, bias.item<double>(), v, w);
    if (differentiable) {
      const PairGradient grad = gradient_pass(p, [&](Tile& tile) { tiles(tile, differentiable); });
      context->save_for_backward({grad.a, grad.b, scale, bias});
      context->saved_data["scale"] = grad.scale;
      context->saved_data["bias"] = tiles.total().grad_bias;
      context->saved_data["type"] = static_cast<int64_t>(a.scalar_type());
    } else {
      for_tiles(p, [](const Stripe&) {}, [&](const Stripe&, Tile& tile) { tiles(tile, differentiable); }, [](const Stripe&) {});
    }
    return at::full({}, tiles.total().loss, a.options().dtype(work_type(a)));
  }

  static Tensors backward(Context* context, Tensors grads) {
    const Tensors saved = context->get_saved_variables();
    const double g = grads[0].item<double>();
    const auto type = static_cast<at::ScalarType>(context->saved_data["type"].toInt());
    const auto scaled = [&](const Tensor& x) { return (g == 1 ? x : x * g).to(type); };
    const auto scalar = [&](const char* name, const Tensor& like) { return at::full({}, g * context->saved_data[name].toDouble(), like.options()).reshape(like.sizes()); };
    return {scaled(saved[0]), scaled(saved[1]), scalar("scale", saved[2]), scalar("bias", saved[3]), {}, {}, {}, {}};
  }
};

}  // namespace

Tensor pair_logistic(const Tensor& a, const Tensor& b, const Tensor& scale, const Tensor& bias, const PairTargets& t, const Tensor& v, const Tensor& w) {
  const bool differentiable = at::GradMode::is_enabled() && (a.requires_grad() || b.requires_grad() || scale.requires_grad() || bias.requires_grad());
  return Logistic::apply(a, b, scale, bias, t, v, w, differentiable);
}

}  // namespace alloy::detail
