// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/sinkhorn.hpp>

#include "alignment/detail/sinkhorn_gradient.hpp"
#include "alignment/detail/sinkhorn_kernels.hpp"
#include "alignment/detail/sinkhorn_solver.hpp"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>

namespace alloy {

namespace {

using detail::SinkhornSolution;
using detail::SinkhornTask;

double power_of(double relaxation, double epsilon) { return relaxation > 0 ? relaxation / (relaxation + epsilon) : 1; }

/// [B, size] weights of one side, zero under the mask; uniform where none are given.
Tensor weights_of(const Tensor& given, const Tensor& mask, const Tensor& cost, int64_t size, std::string_view side) {
  const auto fitted = [&](const Tensor& x, std::string_view what) {
    check<ShapeError>(x.dim() == 1 || x.dim() == 2, "[sinkhorn] expected {} of {} of rank 1 or 2, got {}", {what, side, x});
    const Tensor rows = x.dim() == 1 ? x.unsqueeze(0) : x;
    check<ShapeError>(rows.size(1) == size && (rows.size(0) == 1 || rows.size(0) == cost.size(0)),
                      "[sinkhorn] expected {} of {} that fit costs {}, got {}", {what, side, cost, x});
    return rows.expand({cost.size(0), size});
  };
  const Tensor real = mask.defined() ? fitted(mask, "a mask").to(cost.device()) : Tensor();
  if (real.defined()) check<ShapeError>(real.scalar_type() == at::kBool, "[sinkhorn] expected a bool mask of {}, got {}", {side, mask});
  if (!given.defined()) {
    const Tensor ones = real.defined() ? real.to(cost.scalar_type()) : at::ones({cost.size(0), size}, cost.options().requires_grad(false));
    return ones / ones.sum(1, true).clamp_min(1);
  }
  check_floating(given, "sinkhorn", "weights");
  const Tensor weights = fitted(given, "weights").to(cost.options());
  return real.defined() ? weights.masked_fill(real.logical_not(), 0) : weights;
}

void check_weights(const Tensor& weights, std::string_view side) {
  const Tensor bad = (weights >= 0).logical_and(weights.isfinite()).logical_not();
  if (bad.any().item<bool>()) {
    const Tensor place = bad.nonzero()[0];
    fail<DataError>("[sinkhorn] expected finite weights >= 0, got {} for {} {} of histogram {}",
                    {weights[place[0]][place[1]].item<double>(), side, place[1].item<int64_t>(), place[0].item<int64_t>()});
  }
  const Tensor empty = weights.sum(1).gt(0).logical_not();
  if (empty.any().item<bool>())
    fail<DataError>("[sinkhorn] expected histograms with mass, got {}s that sum to 0 in histogram {}", {side, empty.nonzero()[0][0].item<int64_t>()});
}

/// @param cost  [B, N, M] contiguous on the CPU
template <class T>
void check_costs(const Tensor& cost) {
  const int64_t width = cost.size(2);
  for (int64_t line = 0; line < cost.size(0) * cost.size(1); ++line) {
    const T* row = cost.const_data_ptr<T>() + line * width;
    T least = 0, most = 0;
    if (detail::sinkhorn_kernels<T>().range(row, width, &least, &most)) continue;
    const T* bad = std::find_if(row, row + width, [](T x) { return !std::isfinite(x); });
    fail<DataError>("[sinkhorn] expected finite costs, got {} in row {}, column {} of problem {}; give forbidden pairs a large finite cost",
                    {*bad, line % cost.size(1), bad - row, line / cost.size(1)});
  }
}

void check_alike(const Tensor& a, const Tensor& b) {
  const Tensor sa = a.sum(1, false, at::kDouble), sb = b.sum(1, false, at::kDouble), off = (sa - sb).abs() > 1e-4 * sa.maximum(sb);
  if (!off.any().item<bool>()) return;
  const int64_t k = off.nonzero()[0][0].item<int64_t>();
  fail<DataError>(
      "[sinkhorn] expected rows and columns with the same mass, got {} and {} in histogram {}; scale one of them, or relax a margin (row_relaxation, "
      "column_relaxation)",
      {sa[k].item<double>(), sb[k].item<double>(), k});
}

/// All of a problem, in double but for the plan, on the CPU.
struct Solved {
  Tensor plan, cost, value, f, g, row_ratio, column_ratio, row_error, column_error, iterations, converged;
};

std::vector<int64_t> places_with_mass(const Tensor& weights) {
  const Tensor found = weights.nonzero().squeeze(1);
  return {found.const_data_ptr<int64_t>(), found.const_data_ptr<int64_t>() + found.numel()};
}

/// -p log sum_k weights_k exp(other_k - cost_k / epsilon): the potential of a line without mass. @param cost  [K, L], of L lines
Tensor potentials_of(const Tensor& cost, const Tensor& log_weights, const Tensor& other, double power, double epsilon) {
  return -power * (log_weights.unsqueeze(1) + other.unsqueeze(1) - cost / epsilon).logsumexp(0);
}

template <class T>
void solve_one(const Tensor& cost, const Tensor& a, const Tensor& b, const SinkhornOptions& options, int64_t parts, int64_t k, Solved& out) {
  const auto rows = places_with_mass(a), columns = places_with_mass(b);
  const bool whole = std::ssize(rows) == a.size(0) && std::ssize(columns) == b.size(0);
  const auto index = [](const std::vector<int64_t>& places) { return at::tensor(places, at::kLong); };
  const Tensor ri = index(rows), ci = index(columns);
  const auto part = [&](const Tensor& x) { return whole ? x : x.index_select(0, ri).index_select(1, ci).contiguous(); };
  const Tensor c = part(cost), wa = whole ? a : a.index_select(0, ri), wb = whole ? b : b.index_select(0, ci);
  Tensor plan = whole ? out.plan[k] : at::empty_like(c);
  SinkhornTask<T> task{.cost = c.const_data_ptr<T>(),
                       .n = c.size(0),
                       .m = c.size(1),
                       .rows = wa.const_data_ptr<T>(),
                       .columns = wb.const_data_ptr<T>(),
                       .row_power = power_of(options.row_relaxation, options.epsilon),
                       .column_power = power_of(options.column_relaxation, options.epsilon),
                       .options = options,
                       .parts = parts,
                       .plan = plan.mutable_data_ptr<T>()};
  const SinkhornSolution s = detail::solve_sinkhorn(task);
  const auto line = [](const std::vector<double>& values) { return at::tensor(values, at::kDouble); };
  const Tensor a_mass = wa.to(at::kDouble), b_mass = wb.to(at::kDouble), phi = line(s.phi), psi = line(s.psi), r = line(s.row_sums),
               q = line(s.column_sums);
  const double eps = options.epsilon, ma = a_mass.sum().item<double>(), mb = b_mass.sum().item<double>();
  const auto side = [&](const Tensor& weights, const Tensor& potential, double rho) {  // what a margin has in the dual
    return rho > 0 ? -rho * weights.dot(at::expm1(-potential * (eps / rho))).item<double>() : eps * weights.dot(potential).item<double>();
  };
  out.cost[k].fill_(s.cost);
  out.value[k].fill_(side(a_mass, phi, options.row_relaxation) + side(b_mass, psi, options.column_relaxation) - eps * (s.mass - ma * mb));
  out.row_error[k].fill_((r - a_mass).abs().sum().item<double>() / ma);
  out.column_error[k].fill_((q - b_mass).abs().sum().item<double>() / mb);
  out.iterations[k].fill_(s.iterations);
  out.converged[k].fill_(s.converged);
  if (whole) {
    out.f[k].copy_(eps * phi), out.g[k].copy_(eps * psi), out.row_ratio[k].copy_(r / a_mass), out.column_ratio[k].copy_(q / b_mass);
    return;
  }
  out.plan[k].zero_();
  out.plan[k].index_put_({ri.unsqueeze(1), ci}, plan);
  const Tensor all_rows = cost.index_select(1, ci).to(at::kDouble), all_columns = cost.index_select(0, ri).to(at::kDouble);
  const auto full = [&](const Tensor& other_cost, const Tensor& log_weights, const Tensor& other, double power, double rho, const Tensor& places,
                        const Tensor& own, const Tensor& ratio, Tensor potential_out, Tensor ratio_out) {
    const Tensor lines = potentials_of(other_cost, log_weights, other, power, eps);
    potential_out.copy_(eps * lines.index_copy(0, places, own));
    ratio_out.copy_((rho > 0 ? at::exp(-lines * (eps / rho)) : at::ones_like(lines)).index_copy(0, places, ratio));
  };
  full(all_rows.t(), b_mass.log(), psi, task.row_power, options.row_relaxation, ri, phi, r / a_mass, out.f[k], out.row_ratio[k]);
  full(all_columns, a_mass.log(), phi, task.column_power, options.column_relaxation, ci, psi, q / b_mass, out.g[k], out.column_ratio[k]);
}

/// @param cost, a, b  contiguous, of one dtype, on the CPU
Solved solve(const Tensor& cost, const Tensor& a, const Tensor& b, const SinkhornOptions& options) {
  const int64_t batch = cost.size(0), n = cost.size(1), m = cost.size(2);
  const auto made = [&](std::initializer_list<int64_t> sizes, at::ScalarType type) { return at::empty(at::IntArrayRef(sizes), type); };
  Solved out{.plan = made({batch, n, m}, cost.scalar_type()),
             .cost = made({batch}, at::kDouble),
             .value = made({batch}, at::kDouble),
             .f = made({batch, n}, at::kDouble),
             .g = made({batch, m}, at::kDouble),
             .row_ratio = made({batch, n}, at::kDouble),
             .column_ratio = made({batch, m}, at::kDouble),
             .row_error = made({batch}, at::kDouble),
             .column_error = made({batch}, at::kDouble),
             .iterations = made({batch}, at::kLong),
             .converged = made({batch}, at::kBool)};
  constexpr int64_t kLarge = 1 << 17;  // entries from which on threads share one problem
  const int64_t parts = batch == 1 && n * m >= kLarge ? std::min<int64_t>(at::get_num_threads(), n / 64 + 1) : 1;
  at::parallel_for(0, batch, 1, [&](int64_t begin, int64_t end) {
    const at::NoGradGuard no_grad;
    for (int64_t k = begin; k < end; ++k) {
      if (cost.scalar_type() == at::kDouble) solve_one<double>(cost[k], a[k], b[k], options, parts, k, out);
      else solve_one<float>(cost[k], a[k], b[k], options, parts, k, out);
    }
  });
  return out;
}

using Context = torch::autograd::AutogradContext;
using Tensors = torch::autograd::tensor_list;

struct Sinkhorn : torch::autograd::Function<Sinkhorn> {
  static Tensors forward(Context* context, const Tensor& cost, const Tensor& a, const Tensor& b, const SinkhornOptions& options, Solved* solved) {
    const auto plain = [](const Tensor& x) { return x.detach().to(at::kCPU).contiguous(); };
    const Tensor c = plain(cost), wa = plain(a), wb = plain(b);
    c.scalar_type() == at::kDouble ? check_costs<double>(c) : check_costs<float>(c);
    *solved = solve(c, wa, wb, options);
    context->save_for_backward({c, wa, wb, solved->plan, solved->f, solved->g, solved->row_ratio, solved->column_ratio});
    context->saved_data["epsilon"] = options.epsilon;
    context->saved_data["rows"] = options.row_relaxation;
    context->saved_data["columns"] = options.column_relaxation;
    context->saved_data["device"] = cost.device();
    return {solved->plan.to(cost.device()), solved->cost.to(cost.options()), solved->value.to(cost.options())};
  }

  static Tensors backward(Context* context, Tensors grads) {
    const Tensors saved = context->get_saved_variables();
    const detail::SinkhornState state{.cost = saved[0],
                                      .a = saved[1],
                                      .b = saved[2],
                                      .plan = saved[3],
                                      .f = saved[4],
                                      .g = saved[5],
                                      .row_ratio = saved[6],
                                      .column_ratio = saved[7],
                                      .epsilon = context->saved_data["epsilon"].toDouble(),
                                      .row_relaxation = context->saved_data["rows"].toDouble(),
                                      .column_relaxation = context->saved_data["columns"].toDouble()};
    const auto here = [](const Tensor& x) { return x.defined() ? x.to(at::kCPU) : x; };
    const detail::SinkhornGradient grad = detail::sinkhorn_gradient(state, here(grads[0]), here(grads[1]), here(grads[2]));
    const auto back = [&](const Tensor& x) { return x.to(saved[0].scalar_type()).to(context->saved_data["device"].toDevice()); };
    return {back(grad.cost), back(grad.a), back(grad.b), {}, {}};
  }
};

}  // namespace

void SinkhornOptions::validate() const {
  check<ConfigError>(epsilon > 0 && std::isfinite(epsilon), "[sinkhorn] expected epsilon > 0, got {}", {epsilon});
  check<ConfigError>(row_relaxation >= 0 && std::isfinite(row_relaxation) && column_relaxation >= 0 && std::isfinite(column_relaxation),
                     "[sinkhorn] expected relaxations >= 0, got {} of rows and {} of columns", {row_relaxation, column_relaxation});
  check<ConfigError>(tolerance >= 0, "[sinkhorn] expected tolerance >= 0, got {}", {tolerance});
  check<ConfigError>(max_iterations > 0, "[sinkhorn] expected max_iterations > 0, got {}", {max_iterations});
}

SinkhornResult sinkhorn(const Tensor& cost, const SinkhornMargins& margins, const SinkhornOptions& options) {
  options.validate();
  check<ShapeError>(cost.defined() && (cost.dim() == 2 || cost.dim() == 3), "[sinkhorn] expected costs [B, N, M] or [N, M], got {}", {cost});
  check_floating(cost, "sinkhorn", "costs");
  check<ShapeError>(cost.numel() > 0, "[sinkhorn] expected at least one row and column, got {}", {cost});
  const bool single = cost.dim() == 2;
  Tensor c = single ? cost.unsqueeze(0) : cost;  // [B, N, M]
  if (c.scalar_type() != at::kDouble) c = c.to(at::kFloat);
  const Tensor a = weights_of(margins.rows, margins.row_mask, c, c.size(1), "row"),
               b = weights_of(margins.columns, margins.column_mask, c, c.size(2), "column");
  for (const auto& [mask, axis] : {std::pair{margins.row_mask, -1}, std::pair{margins.column_mask, -2}})
    if (mask.defined()) c = c.masked_fill(mask.to(c.device()).logical_not().unsqueeze(axis), 0);
  check_weights(a, "row");
  check_weights(b, "column");
  if (options.row_relaxation == 0 && options.column_relaxation == 0) check_alike(a, b);
  Solved solved;
  const Tensors out = Sinkhorn::apply(c, a, b, options, &solved);
  const auto given = [&](const Tensor& x) { return single ? x.squeeze(0) : x; };
  const auto beside = [&](const Tensor& x) { return given(x).to(c.device()); };
  return {.plan = given(out[0]),
          .cost = given(out[1]),
          .value = given(out[2]),
          .row_potential = beside(solved.f).to(c.scalar_type()),
          .column_potential = beside(solved.g).to(c.scalar_type()),
          .row_error = beside(solved.row_error),
          .column_error = beside(solved.column_error),
          .iterations = beside(solved.iterations),
          .converged = beside(solved.converged)};
}

}  // namespace alloy
