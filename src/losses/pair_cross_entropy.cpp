// SPDX-License-Identifier: Apache-2.0
#include "losses/detail/pair_kernels.hpp"
#include "losses/detail/pair_tiles.hpp"
#include "losses/detail/tile_loop.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <limits>

namespace alloy::detail {

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

/// Log-sum-exps under way: the largest value so far and the sum of exponentials relative to it.
struct Running {
  std::vector<float> most;
  std::vector<double> sum;
  explicit Running(int64_t n) : most(static_cast<size_t>(n), -std::numeric_limits<float>::infinity()), sum(static_cast<size_t>(n)) {}
  void add(size_t at, float new_most, double tile_sum) {  // tile_sum is relative to new_most >= most[at]
    sum[at] = (sum[at] == 0 ? 0 : sum[at] * std::exp(static_cast<double>(most[at]) - new_most)) + tile_sum;
    most[at] = new_most;
  }
  /// Takes in that of other columns of the same rows, which stand here from `first` on.
  void merge(const Running& other, int64_t first) {
    for (size_t i = 0; i < other.sum.size(); ++i) {
      if (other.sum[i] == 0) continue;
      const auto at = static_cast<size_t>(first) + i;
      if (sum[at] == 0 || other.most[i] >= most[at]) add(at, other.most[i], other.sum[i]);
      else sum[at] += other.sum[i] * std::exp(static_cast<double>(other.most[i]) - most[at]);
    }
  }
  Tensor finish() const {
    Tensor out = at::empty({static_cast<int64_t>(sum.size())}, at::kFloat);
    for (size_t i = 0; i < sum.size(); ++i) out.data_ptr<float>()[i] = static_cast<float>(most[i] + std::log(sum[i]));
    return out;
  }
};

void reduce_rows(const float* tile, int64_t rows, int64_t cols, Running& running) {
  const PairKernels& k = pair_kernels();
  for (int64_t i = 0; i < rows; ++i) {
    const float* x = tile + i * cols;
    const auto at = static_cast<size_t>(i);
    const float most = std::max(k.max(x, cols), running.most[at]);
    // Where all is left out, exp(-inf - 0) = 0; a NaN, which the maximum may pass by, stays one in the sum.
    running.add(at, most, k.exp_sum(x, cols, std::isinf(most) ? 0.0F : most));
  }
}

void reduce_cols(const float* tile, int64_t rows, int64_t cols, int64_t j0, Running& running) {
  const PairKernels& k = pair_kernels();
  const auto n = static_cast<size_t>(cols);
  const float* old = running.most.data() + j0;
  std::vector<float> most(old, old + n), shift(n), sum(n);
  for (int64_t i = 0; i < rows; ++i) k.max_into(tile + i * cols, most.data(), cols);
  for (size_t j = 0; j < n; ++j) shift[j] = std::isinf(most[j]) ? 0.0F : most[j];  // a column left out: exp(-inf - 0) = 0
  for (int64_t i = 0; i < rows; ++i) k.exp_sum_into(tile + i * cols, shift.data(), sum.data(), cols);
  for (size_t j = 0; j < n; ++j) running.add(static_cast<size_t>(j0) + j, most[j], sum[j]);
}

/// In double, for exact comparisons: the same by LibTorch's operations.
void add_exact(Tensor so_far, const Tensor& more) { so_far.copy_(at::logaddexp(so_far, more)); }

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

/// Sums over all pairs. Columns belong to one part each; rows of a stripe are summed by each part, then put together.
class Reduction {
 public:
  Reduction(const Pairs& p, double smoothing) : p_(p), smoothing_(smoothing), rows_(p.a.size(0)), cols_(p.b.size(0)) {
    if (work_type(p.a) == at::kDouble) exact_ = {at::full({p.a.size(0)}, -kInf, at::kDouble), at::full({p.b.size(0)}, -kInf, at::kDouble)};
    if (smoothing > 0) all_ = zeros_for(p, at::kDouble);
  }

  Reduced run() {
    for_tiles(
        p_, [&](const Stripe& stripe) { parts_.assign(static_cast<size_t>(p_.parts), Part(stripe.rows())); },
        [&](const Stripe&, Tile& tile) { add(parts_[static_cast<size_t>(tile.part)], tile); }, [&](const Stripe& stripe) { merge(stripe); });
    const bool in_double = work_type(p_.a) == at::kDouble;
    return {in_double ? exact_ : RowsAndCols{rows_.finish(), cols_.finish()},
            {expected(target_.rows, p_.positives.row_share(), all_.rows, p_.b.size(0)), expected(target_.cols, p_.positives.col_share(), all_.cols, p_.a.size(0))}};
  }

 private:
  /// Of the rows of a stripe, over the columns of one part.
  struct Part {
    Running running;
    std::vector<double> target;
    Tensor all, exact;
    explicit Part(int64_t rows) : running(rows), target(static_cast<size_t>(rows)) {}
  };

  void add(Part& part, Tile& tile) {
    const Tensor& values = tile.values;
    if (smoothing_ > 0) {
      part.all = part.all.defined() ? part.all + values.sum(1) : values.sum(1).to(at::kDouble);
      all_.cols.slice(0, tile.j0, tile.j1).add_(values.sum(0));
    }
    tile.with_values([&](auto* x) {
      double* col_target = target_.cols.data_ptr<double>();
      p_.positives.visit(tile.i0, tile.i1, tile.j0, tile.j1, [&](int64_t i, int64_t j) {
        const double value = x[(i - tile.i0) * tile.cols() + j - tile.j0];
        part.target[static_cast<size_t>(i - tile.i0)] += value;
        col_target[j] += value;
      });
      p_.positives.mask(x, tile.i0, tile.i1, tile.j0, tile.j1);
    });
    if (values.scalar_type() == at::kDouble) {
      if (!part.exact.defined()) part.exact = at::full({tile.rows()}, -kInf, at::kDouble);
      add_exact(part.exact, values.logsumexp(1));
      add_exact(exact_.cols.slice(0, tile.j0, tile.j1), values.logsumexp(0));
    } else {
      reduce_rows(values.const_data_ptr<float>(), tile.rows(), tile.cols(), part.running);
      reduce_cols(values.const_data_ptr<float>(), tile.rows(), tile.cols(), tile.j0, cols_);
    }
  }

  void merge(const Stripe& stripe) {
    double* row_target = target_.rows.data_ptr<double>() + stripe.i0;
    for (const Part& part : parts_) {
      for (size_t i = 0; i < part.target.size(); ++i) row_target[i] += part.target[i];
      if (part.all.defined()) all_.rows.slice(0, stripe.i0, stripe.i1).add_(part.all);
      if (part.exact.defined()) add_exact(exact_.rows.slice(0, stripe.i0, stripe.i1), part.exact);
      else rows_.merge(part.running, stripe.i0);
    }
  }

  Tensor expected(const Tensor& sum, const std::vector<double>& share, const Tensor& of_all, int64_t count) const {
    const Tensor e = sum * shares(share, at::kDouble) * (1 - smoothing_);
    return (smoothing_ > 0 ? e + of_all * (smoothing_ / static_cast<double>(count)) : e).to(work_type(p_.a));
  }

  const Pairs& p_;
  double smoothing_;
  Running rows_, cols_;
  RowsAndCols target_ = zeros_for(p_, at::kDouble), exact_, all_;  // exact in double, all for smoothing alone
  std::vector<Part> parts_;
};

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

/// The entries of a vector that belong to a tile: [R, 1], [C].
Tensor rows_of(const Tensor& x, const Tile& tile) { return x.slice(0, tile.i0, tile.i1).unsqueeze(1); }
Tensor cols_of(const Tensor& x, const Tile& tile) { return x.slice(0, tile.j0, tile.j1); }

/// S_ij becomes g_i exp(S_ij - lse_i) + g_j exp(S_ij - lse_j).
void softmax_gradient(Tile& tile, const RowsAndCols& g, const RowsAndCols& lse) {
  Tensor& x = tile.values;
  if (x.scalar_type() == at::kDouble) {
    x.copy_(rows_of(g.rows, tile) * (x - rows_of(lse.rows, tile)).exp() + cols_of(g.cols, tile) * (x - cols_of(lse.cols, tile)).exp());
    return;
  }
  const float *row_g = g.rows.const_data_ptr<float>() + tile.i0, *row_lse = lse.rows.const_data_ptr<float>() + tile.i0;
  const float *col_g = g.cols.const_data_ptr<float>() + tile.j0, *col_lse = lse.cols.const_data_ptr<float>() + tile.j0;
  for (int64_t i = 0; i < tile.rows(); ++i)
    pair_kernels().softmax_gradient(x.data_ptr<float>() + i * tile.cols(), row_g[i], row_lse[i], col_g, col_lse, tile.cols());
}

struct CrossEntropy : torch::autograd::Function<CrossEntropy> {
  static Tensors forward(Context* context, const Tensor& a, const Tensor& b, const Tensor& scale, const PairTargets& targets, double smoothing) {
    const Pairs p(a, b, scale, targets);
    const Reduced r = Reduction(p, smoothing).run();
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
    const PairGradient grad = gradient_pass(p, [&](Tile& tile) {
      Tensor even;  // the share of smoothing
      if (smoothing > 0)
        even = rows_of(g.rows, tile) * (smoothing / static_cast<double>(p.b.size(0))) + cols_of(g.cols, tile) * (smoothing / static_cast<double>(p.a.size(0)));
      tile.with_values([&](auto* values) { p.positives.mask(values, tile.i0, tile.i1, tile.j0, tile.j1); });
      softmax_gradient(tile, g, lse);
      if (even.defined()) tile.values.sub_(even);
      tile.with_values([&](auto* values) {
        using T = std::remove_pointer_t<decltype(values)>;
        const T *rows = row_pull.const_data_ptr<T>(), *columns = col_pull.const_data_ptr<T>();
        p.positives.visit(tile.i0, tile.i1, tile.j0, tile.j1, [&](int64_t i, int64_t j) { values[(i - tile.i0) * tile.cols() + j - tile.j0] -= rows[i] + columns[j]; });
      });
    });
    return {grad.a.to(p.a.scalar_type()), grad.b.to(p.b.scalar_type()), at::full({}, grad.scale, saved[2].options()).reshape(saved[2].sizes()), {}, {}};
  }
};

}  // namespace

std::pair<Tensor, Tensor> pair_cross_entropy(const Tensor& a, const Tensor& b, const Tensor& scale, const PairTargets& t, double smoothing) {
  const Tensors out = CrossEntropy::apply(a, b, scale, t, smoothing);
  return {out[0], out[1]};
}

}  // namespace alloy::detail
