// SPDX-License-Identifier: Apache-2.0
#include "losses/detail/pair_tiles.hpp"

#include "losses/detail/pair_kernels.hpp"
#include "losses/detail/positives.hpp"
#include "losses/detail/product.hpp"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace alloy::detail {

namespace {

constexpr int64_t kTileRows = 256, kTileCols = 2048;  // 2 MB of floats, which stays in the cache
constexpr double kInf = std::numeric_limits<double>::infinity();

at::ScalarType work_type(const Tensor& x) { return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat; }

/// a [N, D], b [M, D], and what belongs together.
struct Pairs {
  Tensor a, b, scale;
  Positives positives;
  Pairs(Tensor a_in, Tensor b_in, Tensor scale_in, const PairTargets& targets)
      : a(std::move(a_in)), b(std::move(b_in)), scale(std::move(scale_in)), positives(targets, a.size(0), b.size(0)) {}
};

/// Where a tile lies.
struct Place {
  int64_t i0, i1, j0, j1;
};

/// Calls `work(x, b, tile, place)` for each tile: x [R, D] the scaled rows of a, b [C, D], tile [R, C] their products; before
/// and after the tiles of the same rows `row_begin(a)` and `row_end(a, i0)`.
template <class RowBegin, class Work, class RowEnd>
void for_tiles(const Pairs& p, const RowBegin& row_begin, const Work& work, const RowEnd& row_end) {
  const auto type = work_type(p.a);
  const double scale = p.scale.item<double>();
  for (int64_t i0 = 0; i0 < p.a.size(0); i0 += kTileRows) {
    const Tensor a = p.a.slice(0, i0, std::min(i0 + kTileRows, p.a.size(0))).to(type), x = a * scale;
    row_begin(a);
    for (int64_t j0 = 0; j0 < p.b.size(0); j0 += kTileCols) {
      const Tensor b = p.b.slice(0, j0, std::min(j0 + kTileCols, p.b.size(0))).to(type);
      Tensor tile = product(x, b);
      work(x, b, tile, Place{i0, i0 + x.size(0), j0, j0 + b.size(0)});
    }
    row_end(a, i0);
  }
}

template <class Work>
void for_tiles(const Pairs& p, const Work& work) {
  for_tiles(p, [](const Tensor&) {}, [&](const Tensor&, const Tensor&, Tensor& tile, const Place& at) { work(tile, at); }, [](const Tensor&, int64_t) {});
}

/// Calls `f(values of type T*)` with the type of the tile.
template <class F>
void with_values(Tensor& tile, const F& f) {
  if (tile.scalar_type() == at::kDouble) f(tile.data_ptr<double>());
  else f(tile.data_ptr<float>());
}

/// A log-sum-exp under way: the largest value so far and the sum of exponentials relative to it.
struct Running {
  std::vector<float> most;
  std::vector<double> sum;
  explicit Running(int64_t n) : most(static_cast<size_t>(n), -std::numeric_limits<float>::infinity()), sum(static_cast<size_t>(n)) {}
  void add(size_t at, float new_most, double tile_sum) {  // tile_sum is relative to new_most >= most[at]
    sum[at] = (sum[at] == 0 ? 0 : sum[at] * std::exp(static_cast<double>(most[at]) - new_most)) + tile_sum;
    most[at] = new_most;
  }
  Tensor finish() const {
    Tensor out = at::empty({static_cast<int64_t>(sum.size())}, at::kFloat);
    for (size_t i = 0; i < sum.size(); ++i) out.data_ptr<float>()[i] = static_cast<float>(most[i] + std::log(sum[i]));
    return out;
  }
};

void reduce_rows(const float* tile, int64_t rows, int64_t cols, int64_t i0, Running& running) {
  const PairKernels& k = pair_kernels();
  at::parallel_for(0, rows, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float* x = tile + i * cols;
      const auto at = static_cast<size_t>(i0 + i);
      const float most = std::max(k.max(x, cols), running.most[at]);
      // Where all is left out, exp(-inf - 0) = 0; a NaN, which the maximum may pass by, stays one in the sum.
      running.add(at, most, k.exp_sum(x, cols, std::isinf(most) ? 0.0F : most));
    }
  });
}

void reduce_cols(const float* tile, int64_t rows, int64_t cols, int64_t j0, Running& running) {
  const PairKernels& k = pair_kernels();
  at::parallel_for(0, cols, 256, [&](int64_t begin, int64_t end) {
    const auto n = static_cast<size_t>(end - begin);
    const float* old = running.most.data() + j0 + begin;
    std::vector<float> most(old, old + n), shift(n), sum(n);
    for (int64_t i = 0; i < rows; ++i) k.max_into(tile + i * cols + begin, most.data(), end - begin);
    for (size_t j = 0; j < n; ++j) shift[j] = std::isinf(most[j]) ? 0.0F : most[j];  // a column left out: exp(-inf - 0) = 0
    for (int64_t i = 0; i < rows; ++i) k.exp_sum_into(tile + i * cols + begin, shift.data(), sum.data(), end - begin);
    for (size_t j = 0; j < n; ++j) running.add(static_cast<size_t>(j0 + begin) + j, most[j], sum[j]);
  });
}

/// In double, for exact comparisons: the same by LibTorch's operations.
void reduce_exact(const Tensor& tile, const Place& at, Tensor& rows, Tensor& cols) {
  Tensor r = rows.slice(0, at.i0, at.i1), c = cols.slice(0, at.j0, at.j1);
  r.copy_(at::logaddexp(r, tile.logsumexp(1)));
  c.copy_(at::logaddexp(c, tile.logsumexp(0)));
}

struct RowsAndCols {
  Tensor rows, cols;  // [N], [M]
};

RowsAndCols zeros_for(const Pairs& p, at::ScalarType type) { return {at::zeros({p.a.size(0)}, type), at::zeros({p.b.size(0)}, type)}; }

Tensor shares(const std::vector<double>& share, at::ScalarType type) {
  return at::tensor(at::ArrayRef<double>(share), at::TensorOptions(at::kDouble)).to(type);
}

/// Log-sum-exp of what is not left out, and sum_j q_ij S_ij, of rows and columns.
struct Reduced {
  RowsAndCols lse, expected;
};

Reduced reduce(const Pairs& p, double smoothing) {
  const auto type = work_type(p.a);
  const int64_t n = p.a.size(0), m = p.b.size(0);
  Running rows(n), cols(m);
  RowsAndCols exact{at::full({n}, -kInf, at::kDouble), at::full({m}, -kInf, at::kDouble)};
  RowsAndCols target = zeros_for(p, at::kDouble), all = zeros_for(p, at::kDouble);
  double *row_target = target.rows.data_ptr<double>(), *col_target = target.cols.data_ptr<double>();
  for_tiles(p, [&](Tensor& tile, const Place& at) {
    if (smoothing > 0) {
      all.rows.slice(0, at.i0, at.i1).add_(tile.sum(1));
      all.cols.slice(0, at.j0, at.j1).add_(tile.sum(0));
    }
    with_values(tile, [&](auto* values) {
      p.positives.visit(at.i0, at.i1, at.j0, at.j1, [&](int64_t i, int64_t j) {
        const double value = values[(i - at.i0) * (at.j1 - at.j0) + j - at.j0];
        row_target[i] += value;
        col_target[j] += value;
      });
      p.positives.mask(values, at.i0, at.i1, at.j0, at.j1);
    });
    if (type == at::kDouble) {
      reduce_exact(tile, at, exact.rows, exact.cols);
    } else {
      reduce_rows(tile.const_data_ptr<float>(), tile.size(0), tile.size(1), at.i0, rows);
      reduce_cols(tile.const_data_ptr<float>(), tile.size(0), tile.size(1), at.j0, cols);
    }
  });
  const auto expected = [&](const Tensor& sum, const std::vector<double>& share, const Tensor& of_all, int64_t count) {
    Tensor e = sum * shares(share, at::kDouble) * (1 - smoothing);
    return (smoothing > 0 ? e + of_all * (smoothing / static_cast<double>(count)) : e).to(type);
  };
  return {type == at::kDouble ? exact : RowsAndCols{rows.finish(), cols.finish()},
          {expected(target.rows, p.positives.row_share(), all.rows, m), expected(target.cols, p.positives.col_share(), all.cols, n)}};
}

/// Turns the gradients by the products, tile by tile, into those by a, b and scale.
struct PairGradient {
  Tensor a, b;
  double scale = 0;
};
/// @param differentiate  (tile, place): replaces products by gradients
template <class Differentiate>
PairGradient gradient_pass(const Pairs& p, const Differentiate& differentiate) {
  const auto type = work_type(p.a);
  const double scale = p.scale.item<double>();
  PairGradient grad{at::empty(p.a.sizes(), p.a.options().dtype(type)), at::zeros(p.b.sizes(), p.b.options().dtype(type))};
  Tensor of_rows;  // [R, D], gradient by the rows of a over scale
  for_tiles(
      p, [&](const Tensor& a) { of_rows = at::zeros_like(a); },
      [&](const Tensor& x, const Tensor& b, Tensor& tile, const Place& at) {
        differentiate(tile, at);
        of_rows.add_(product(tile, b.t()));
        grad.b.slice(0, at.j0, at.j1).add_(product(tile.t(), x.t()));
      },
      [&](const Tensor& a, int64_t i0) {
        grad.scale += at::dot(a.flatten(), of_rows.flatten()).item<double>();
        grad.a.slice(0, i0, i0 + a.size(0)).copy_(of_rows.mul_(scale));
      });
  return grad;
}

using Context = torch::autograd::AutogradContext;
using Tensors = torch::autograd::tensor_list;

/// Targets are no differentiable input: they travel beside the saved tensors.
void keep(Context* context, const PairTargets& t) {
  if (t.row_ids.defined()) context->saved_data["row_ids"] = t.row_ids, context->saved_data["col_ids"] = t.col_ids;
  context->saved_data["first"] = t.first;
  context->saved_data["leave_out"] = static_cast<int64_t>(t.leave_out);
}
PairTargets kept(Context* context) {
  auto& data = context->saved_data;
  PairTargets t{.first = data["first"].toInt(), .leave_out = static_cast<PairTargets::LeaveOut>(data["leave_out"].toInt())};
  if (data.find("row_ids") != data.end()) t.row_ids = data["row_ids"].toTensor(), t.col_ids = data["col_ids"].toTensor();
  return t;
}

/// The entries of a vector that belong to a tile's rows or columns.
Tensor part(const Tensor& x, int64_t begin, int64_t end) { return x.slice(0, begin, end); }

struct CrossEntropy : torch::autograd::Function<CrossEntropy> {
  static Tensors forward(Context* context, const Tensor& a, const Tensor& b, const Tensor& scale, const PairTargets& targets, double smoothing) {
    const Reduced r = reduce(Pairs(a, b, scale, targets), smoothing);
    context->save_for_backward({a, b, scale, r.lse.rows, r.lse.cols});
    keep(context, targets);
    context->saved_data["smoothing"] = smoothing;
    return {r.lse.rows - r.expected.rows, r.lse.cols - r.expected.cols};
  }

  static Tensors backward(Context* context, Tensors grads) {
    const Tensors saved = context->get_saved_variables();
    const double smoothing = context->saved_data["smoothing"].toDouble();
    const Pairs p(saved[0], saved[1], saved[2], kept(context));
    const auto type = work_type(p.a);
    // Where every pair is left out: exp(x - inf) = 0 instead of exp(-inf + inf).
    const auto filled = [](const Tensor& lse) { return at::where(lse == -kInf, at::full({}, kInf, lse.options()), lse).contiguous(); };
    const RowsAndCols lse{filled(saved[3]), filled(saved[4])};
    const auto given = [&](const Tensor& grad, const Tensor& like) { return grad.defined() ? grad.to(type).contiguous() : at::zeros_like(like); };
    const RowsAndCols g{given(grads[0], lse.rows), given(grads[1], lse.cols)};
    const Tensor row_pull = (g.rows * shares(p.positives.row_share(), type) * (1 - smoothing)).contiguous();
    const Tensor col_pull = (g.cols * shares(p.positives.col_share(), type) * (1 - smoothing)).contiguous();
    const PairGradient grad = gradient_pass(p, [&](Tensor& tile, const Place& at) {
      const int64_t cols = tile.size(1);
      Tensor even;  // the share of smoothing
      if (smoothing > 0)
        even = part(g.rows, at.i0, at.i1).unsqueeze(1) * (smoothing / static_cast<double>(p.b.size(0))) + part(g.cols, at.j0, at.j1) * (smoothing / static_cast<double>(p.a.size(0)));
      with_values(tile, [&](auto* values) { p.positives.mask(values, at.i0, at.i1, at.j0, at.j1); });
      if (type == at::kDouble) {
        tile.copy_(part(g.rows, at.i0, at.i1).unsqueeze(1) * (tile - part(lse.rows, at.i0, at.i1).unsqueeze(1)).exp() +
                   part(g.cols, at.j0, at.j1) * (tile - part(lse.cols, at.j0, at.j1)).exp());
      } else {
        float* values = tile.data_ptr<float>();
        const float *gp = g.rows.const_data_ptr<float>() + at.i0, *rp = lse.rows.const_data_ptr<float>() + at.i0;
        const float *hp = g.cols.const_data_ptr<float>() + at.j0, *cp = lse.cols.const_data_ptr<float>() + at.j0;
        at::parallel_for(0, tile.size(0), 16, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) pair_kernels().softmax_gradient(values + i * cols, gp[i], rp[i], hp, cp, cols);
        });
      }
      if (even.defined()) tile.sub_(even);
      with_values(tile, [&](auto* values) {
        using T = std::remove_pointer_t<decltype(values)>;
        const T *rows = row_pull.const_data_ptr<T>(), *columns = col_pull.const_data_ptr<T>();
        p.positives.visit(at.i0, at.i1, at.j0, at.j1, [&](int64_t i, int64_t j) { values[(i - at.i0) * cols + j - at.j0] -= rows[i] + columns[j]; });
      });
    });
    return {grad.a.to(p.a.scalar_type()), grad.b.to(p.b.scalar_type()), at::full({}, grad.scale, p.scale.options()).reshape(p.scale.sizes()), {}, {}};
  }
};

struct Logistic : torch::autograd::Function<Logistic> {
  static Tensor forward(Context* context, const Tensor& a, const Tensor& b, const Tensor& scale, const Tensor& bias, const PairTargets& targets, const Tensor& v, const Tensor& w,
                        bool differentiable) {
    const Pairs p(a, b, scale, targets);
    const auto type = work_type(a);
    const double offset = bias.item<double>();
    const Tensor of_rows = v.to(type).contiguous(), of_cols = w.to(type).contiguous();
    double loss = 0, grad_bias = 0;
    // log(1 + exp(-x)) = log(1 + exp(x)) - x: all pairs as negatives first, then positives corrected.
    const auto differentiate = [&](Tensor& tile, const Place& at) {
      const int64_t cols = tile.size(1);
      with_values(tile, [&](auto* values) {
        using T = std::remove_pointer_t<decltype(values)>;
        const T *vp = of_rows.const_data_ptr<T>(), *wp = of_cols.const_data_ptr<T>();
        p.positives.visit(at.i0, at.i1, at.j0, at.j1, [&](int64_t i, int64_t j) {
          loss -= static_cast<double>(vp[i] + wp[j]) * (static_cast<double>(values[(i - at.i0) * cols + j - at.j0]) + offset);
        });
      });
      if (type == at::kDouble) {
        const Tensor weight = part(of_rows, at.i0, at.i1).unsqueeze(1) + part(of_cols, at.j0, at.j1), z = tile + offset;
        loss += (weight * at::softplus(z, 1, 1e300)).sum().item<double>();
        tile.copy_(weight * z.sigmoid());
      } else {
        std::vector<float> losses(static_cast<size_t>(tile.size(0)));
        float* values = tile.data_ptr<float>();
        const float *vp = of_rows.const_data_ptr<float>() + at.i0, *wp = of_cols.const_data_ptr<float>() + at.j0;
        at::parallel_for(0, tile.size(0), 16, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i)
            losses[static_cast<size_t>(i)] = pair_kernels().softplus_gradient(values + i * cols, static_cast<float>(offset), vp[i], wp, cols);
        });
        loss = std::accumulate(losses.begin(), losses.end(), loss);
      }
      if (!differentiable) return;
      with_values(tile, [&](auto* values) {
        using T = std::remove_pointer_t<decltype(values)>;
        const T *vp = of_rows.const_data_ptr<T>(), *wp = of_cols.const_data_ptr<T>();
        p.positives.visit(at.i0, at.i1, at.j0, at.j1, [&](int64_t i, int64_t j) { values[(i - at.i0) * cols + j - at.j0] -= vp[i] + wp[j]; });
      });
      grad_bias += tile.sum().item<double>();
    };
    if (differentiable) {
      const PairGradient grad = gradient_pass(p, differentiate);
      context->save_for_backward({grad.a, grad.b, scale, bias});
      context->saved_data["scale"] = grad.scale;
      context->saved_data["bias"] = grad_bias;
      context->saved_data["type"] = static_cast<int64_t>(a.scalar_type());
    } else {
      for_tiles(p, differentiate);
    }
    return at::full({}, loss, a.options().dtype(type));
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

std::pair<Tensor, Tensor> pair_cross_entropy(const Tensor& a, const Tensor& b, const Tensor& scale, const PairTargets& t, double smoothing) {
  const Tensors out = CrossEntropy::apply(a, b, scale, t, smoothing);
  return {out[0], out[1]};
}

Tensor pair_logistic(const Tensor& a, const Tensor& b, const Tensor& scale, const Tensor& bias, const PairTargets& t, const Tensor& v, const Tensor& w) {
  const bool differentiable = at::GradMode::is_enabled() && (a.requires_grad() || b.requires_grad() || scale.requires_grad() || bias.requires_grad());
  return Logistic::apply(a, b, scale, bias, t, v, w, differentiable);
}

}  // namespace alloy::detail
