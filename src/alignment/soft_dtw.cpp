// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/soft_dtw.hpp>

#include "alignment/detail/dtw_lanes.hpp"
#include "alignment/detail/soft_dtw_lanes.hpp"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <numeric>

namespace alloy {

void SoftDtwOptions::validate() const {
  check<ConfigError>(gamma > 0 && std::isfinite(gamma), "[SoftDtwOptions] expected gamma > 0, got {}", {gamma});
  check<ConfigError>(radius >= -1, "[SoftDtwOptions] expected a radius >= 0, or -1 for no band, got {}", {radius});
}

namespace {

using Context = torch::autograd::AutogradContext;
using Tensors = torch::autograd::tensor_list;

/// [B, T, D] contiguous, without gradients, and lengths.
struct CheckedSeries {
  Tensor values;
  std::vector<int64_t> lengths;
  int64_t steps() const { return values.size(1); }
  int64_t width() const { return values.size(2); }
};

Tensor with_width(const Tensor& values) { return values.dim() == 2 ? values.unsqueeze(2) : values; }

std::vector<int64_t> checked_lengths(const PaddedSeries& series, std::string_view where, std::string_view name) {
  const int64_t batch = series.values.size(0), steps = series.values.size(1);
  if (!series.lengths.defined()) return std::vector<int64_t>(static_cast<size_t>(batch), steps);
  check<ShapeError>(series.lengths.dim() == 1 && series.lengths.size(0) == batch && series.lengths.scalar_type() == at::kLong,
                    "[{}] expected lengths of {} of shape [{}] and dtype int64, got {}", {where, name, batch, series.lengths});
  const Tensor lengths = series.lengths.to(at::kCPU).contiguous();
  const int64_t* values = lengths.const_data_ptr<int64_t>();
  for (int64_t b = 0; b < batch; ++b)
    check<DataError>(values[b] >= 1 && values[b] <= steps, "[{}] expected lengths of {} in 1..{}, got {} for sample {}",
                     {where, name, steps, values[b], b});
  return {values, values + batch};
}

/// What stands in the padding is not looked at.
void check_finite(const CheckedSeries& series, std::string_view where, std::string_view name) {
  const Tensor finite = series.values.isfinite().all(2);  // [B, T]
  if (finite.all().item<bool>()) return;
  const Tensor bad = finite.logical_not().nonzero();
  for (int64_t k = 0; k < bad.size(0); ++k) {
    const int64_t sample = bad[k][0].item<int64_t>(), step = bad[k][1].item<int64_t>();
    check<DataError>(step >= series.lengths[static_cast<size_t>(sample)],
                     "[{}] expected finite values, got NaN or infinity at step {} of sample {} of {}", {where, step, sample, name});
  }
}

CheckedSeries checked(const PaddedSeries& series, std::string_view where, std::string_view name) {
  const Tensor& v = series.values;
  check<ShapeError>(v.defined() && (v.dim() == 2 || v.dim() == 3) && v.is_cpu(), "[{}] expected {} of shape [B, T] or [B, T, D] on the CPU, got {}",
                    {where, name, v});
  check<ShapeError>(v.scalar_type() == at::kFloat || v.scalar_type() == at::kDouble, "[{}] expected {} of dtype float32 or float64, got {}",
                    {where, name, v});
  check<DataError>(v.numel() > 0, "[{}] expected at least one sample and step in {}, got {}", {where, name, v});
  CheckedSeries out{with_width(v.detach()).contiguous(), checked_lengths(series, where, name)};
  check_finite(out, where, name);
  return out;
}

struct SeriesPair {
  CheckedSeries x, y;
  SeriesPair(const PaddedSeries& first, const PaddedSeries& second, const SoftDtwOptions& options, std::string_view where)
      : x(checked(first, where, "x")), y(checked(second, where, "y")) {
    check<ShapeError>(x.values.size(0) == y.values.size(0) && x.width() == y.width() && x.values.scalar_type() == y.values.scalar_type(),
                      "[{}] expected x and y of one batch size, width and dtype, got {} and {}", {where, first.values, second.values});
    if (options.radius < 0) return;
    int64_t worst = 0;
    for (int64_t b = 1; b < count(); ++b)
      if (difference(b) > difference(worst)) worst = b;
    check<ConfigError>(
        options.radius >= difference(worst),
        "[{}] expected a radius of at least {} for sample {} of {} and {} steps, which no path joins within the band otherwise, got {}",
        {where, difference(worst), worst, x.lengths[static_cast<size_t>(worst)], y.lengths[static_cast<size_t>(worst)], options.radius});
  }
  int64_t count() const { return x.values.size(0); }
  int64_t difference(int64_t b) const { return std::abs(x.lengths[static_cast<size_t>(b)] - y.lengths[static_cast<size_t>(b)]); }
};

struct Results {
  Tensor values;          ///< [B]
  Tensor grad_x, grad_y;  ///< [B, T, D], where wanted
  Tensor alignment;       ///< [B, Tx, Ty], where wanted
};
enum class Wanted { values, gradients, alignment };

template <class T>
T* of_sample(const Tensor& tensor, int64_t b) {
  return tensor.defined() ? tensor.mutable_data_ptr<T>() + b * tensor.stride(0) : nullptr;
}

/// Samples of like length share vectors.
template <class T>
void compute(const SeriesPair& in, const SoftDtwOptions& options, Results& out) {
  std::vector<int64_t> order(static_cast<size_t>(in.count()));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::ranges::stable_sort(order, {},
                           [&](int64_t b) { return std::pair(in.x.lengths[static_cast<size_t>(b)], in.y.lengths[static_cast<size_t>(b)]); });
  const int64_t lanes = detail::dtw_kernels().of<T>().lanes, groups = (in.count() + lanes - 1) / lanes;
  const Tensor &x = in.x.values, &y = in.y.values;
  at::parallel_for(0, groups, 1, [&](int64_t begin, int64_t end) {
    detail::SoftDtwLanes<T> soft(options.gamma, options.radius, in.x.width());
    std::vector<detail::SoftLane<T>> pairs;
    std::vector<T> found(static_cast<size_t>(lanes));
    for (int64_t g = begin; g < end; ++g) {
      const std::span<const int64_t> samples =
          std::span(order).subspan(static_cast<size_t>(g * lanes), static_cast<size_t>(std::min(lanes, in.count() - g * lanes)));
      pairs.clear();
      for (const int64_t b : samples)
        pairs.push_back({{x.const_data_ptr<T>() + b * x.stride(0), in.x.lengths[static_cast<size_t>(b)]},
                         {y.const_data_ptr<T>() + b * y.stride(0), in.y.lengths[static_cast<size_t>(b)]},
                         of_sample<T>(out.grad_x, b),
                         of_sample<T>(out.grad_y, b),
                         of_sample<T>(out.alignment, b),
                         in.y.steps()});
      soft.run(pairs, found.data());
      for (size_t l = 0; l < samples.size(); ++l) out.values.mutable_data_ptr<T>()[samples[l]] = found[l];
    }
  });
}

Results results(const SeriesPair& in, const SoftDtwOptions& options, Wanted wanted) {
  const auto type = in.x.values.options();
  Results out{.values = at::empty({in.count()}, type)};
  if (wanted == Wanted::gradients) out.grad_x = at::zeros_like(in.x.values), out.grad_y = at::zeros_like(in.y.values);
  if (wanted == Wanted::alignment) out.alignment = at::zeros({in.count(), in.x.steps(), in.y.steps()}, type);
  detail::with_type(in.x.values.scalar_type(), [&](auto value) { compute<decltype(value)>(in, options, out); });
  check<DataError>(out.values.isfinite().all().item<bool>(),
                   "[soft_dtw] expected sums of costs over gamma within the range of the dtype, got infinity with gamma {}; a larger gamma or values "
                   "scaled down will do",
                   {options.gamma});
  return out;
}

struct SoftDtw : torch::autograd::Function<SoftDtw> {
  /// x and y stand in the series too: these are what gradients are recorded by.
  static Tensor forward(Context* context, const Tensor& x, const Tensor& y, const SeriesPair& in, const SoftDtwOptions& options,
                        bool differentiable) {
    const Results out = results(in, options, differentiable ? Wanted::gradients : Wanted::values);
    if (differentiable) context->save_for_backward({out.grad_x.view(x.sizes()), out.grad_y.view(y.sizes())});
    return out.values;
  }
  static Tensors backward(Context* context, Tensors grads) {
    Tensors back = context->get_saved_variables();
    for (Tensor& grad : back) grad = grad * (grad.dim() == 3 ? grads[0].reshape({-1, 1, 1}) : grads[0].reshape({-1, 1}));
    back.resize(5);
    return back;
  }
};

Tensor checked_soft_dtw(const PaddedSeries& x, const PaddedSeries& y, const SoftDtwOptions& options, std::string_view where) {
  options.validate();
  const SeriesPair in(x, y, options, where);
  const bool differentiable = at::GradMode::is_enabled() && (x.values.requires_grad() || y.values.requires_grad());
  return SoftDtw::apply(x.values, y.values, in, options, differentiable);
}

}  // namespace

Tensor soft_dtw(const PaddedSeries& x, const PaddedSeries& y, const SoftDtwOptions& options) { return checked_soft_dtw(x, y, options, "soft_dtw"); }

Tensor soft_dtw_divergence(const PaddedSeries& x, const PaddedSeries& y, const SoftDtwOptions& options) {
  constexpr std::string_view where = "soft_dtw_divergence";
  return checked_soft_dtw(x, y, options, where) - (checked_soft_dtw(x, x, options, where) + checked_soft_dtw(y, y, options, where)) / 2;
}

Tensor soft_dtw_alignment(const PaddedSeries& x, const PaddedSeries& y, const SoftDtwOptions& options) {
  options.validate();
  return results(SeriesPair(x, y, options, "soft_dtw_alignment"), options, Wanted::alignment).alignment;
}

}  // namespace alloy
