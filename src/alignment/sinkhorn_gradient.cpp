// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/sinkhorn_gradient.hpp"

#include <alloy/core/eigen.hpp>

#include <ATen/Functions.h>
#include <Eigen/Cholesky>

namespace alloy::detail {

namespace {

/// Note [Implicit gradient]: with phi_i = f_i / epsilon + log a_i and psi_j alike, P_ij = exp(phi_i + psi_j - C_ij / epsilon) and
/// the row sums satisfy r_i = a_i exp(-f_i / rho_1), or r_i = a_i. Differentiated, with k_1 = 1 + epsilon / rho_1 (1 if exact),
///
///     k_1 r_i dphi_i + sum_j P_ij dpsi_j = sum_j P_ij dC_ij / epsilon + k_1 r_i da_i / a_i,
///
/// and alike for columns: a symmetric system H. With w the derivative of the loss by (phi, psi), that is row and column sums of
/// G o P, and (u, v) = H^-1 w, the gradients are P_ij (u_i + v_j - G_ij) / epsilon by C and k_1 r_i u_i / a_i by a. u is
/// eliminated, and the rows' equations are divided by a_i, so that weights of 0 need no case of their own. With both
/// margins exact H has the null vector (1, -1), to which w is orthogonal.
struct Implicit {
  Tensor cost, a, b;
};

Implicit implicit_gradient(const SinkhornState& s, const Tensor& by_plan) {
  const auto factor = [&](double rho) { return rho > 0 ? 1 + s.epsilon / rho : 1.0; };
  const double k1 = factor(s.row_relaxation), k2 = factor(s.column_relaxation);
  const Tensor a = s.a.to(at::kDouble), b = s.b.to(at::kDouble);
  const Tensor e = at::exp((s.f.unsqueeze(2) + s.g.unsqueeze(1) - s.cost.to(at::kDouble)) / s.epsilon);  // [B, N, M], P without weights
  const Tensor e_real = e.masked_fill((a.unsqueeze(2) * b.unsqueeze(1)).eq(0).logical_and(e.isfinite().logical_not()), 0);
  const Tensor q = e_real * b.unsqueeze(1);                                                 // P / a
  const Tensor plan = q * a.unsqueeze(2), r = k1 * s.row_ratio, c = k2 * s.column_ratio;    // diagonals of H over a and b
  const Tensor w1 = (by_plan * q).sum(2), w2 = (by_plan * e_real * a.unsqueeze(2)).sum(1);  // over a and over b
  const Tensor right = b * w2 - (plan * (w1 / r).unsqueeze(2)).sum(1);                      // [B, M]
  Tensor schur = at::diag_embed(b * c) - plan.transpose(1, 2).matmul(q / r.unsqueeze(2));   // [B, M, M]
  const bool singular = s.row_relaxation == 0 && s.column_relaxation == 0;
  Tensor v = at::zeros_like(b);
  for (int64_t k = 0; k < b.size(0); ++k) {
    const Tensor real = b[k].gt(0), size = (b[k] * c[k]).masked_select(real).mean();
    Tensor matrix = schur[k] + at::diag(real.logical_not().to(at::kDouble) * size);
    if (singular) matrix = matrix + at::outer(real.to(at::kDouble), real.to(at::kDouble)) * (size / real.sum());  // takes the null vector's place
    const Eigen::MatrixXd dense = to_eigen(matrix), rhs = to_eigen(right[k]);
    v[k].copy_(from_eigen(dense.ldlt().solve(rhs)).squeeze(1).masked_fill(real.logical_not(), 0));
  }
  const Tensor u = (w1 - q.matmul(v.unsqueeze(2)).squeeze(2)) / r;
  const Tensor all_v =
      (w2 - (e_real * a.unsqueeze(2)).transpose(1, 2).matmul(u.unsqueeze(2)).squeeze(2)) / c;  // v itself but for columns without mass
  return {.cost = plan * (u.unsqueeze(2) + v.unsqueeze(1) - by_plan) / s.epsilon, .a = r * u, .b = c * at::where(b > 0, v, all_v)};
}

}  // namespace

SinkhornGradient sinkhorn_gradient(const SinkhornState& s, const Tensor& by_plan, const Tensor& by_cost, const Tensor& by_value) {
  SinkhornGradient grad{
      .cost = at::zeros(s.cost.sizes(), at::kDouble), .a = at::zeros(s.a.sizes(), at::kDouble), .b = at::zeros(s.b.sizes(), at::kDouble)};
  const auto column = [](const Tensor& x) { return x.to(at::kDouble).reshape({-1, 1}); };
  if (by_value.defined()) {
    const Tensor g = column(by_value);  // [B, 1]
    grad.cost += g.unsqueeze(2) * s.plan;
    const auto side = [&](const Tensor& potential, double rho, const Tensor& ratio, const Tensor& others) {
      return g * ((rho > 0 ? -rho * at::expm1(-potential / rho) : potential) - s.epsilon * (ratio - others.sum(1, true, at::kDouble)));
    };
    grad.a += side(s.f, s.row_relaxation, s.row_ratio, s.b);
    grad.b += side(s.g, s.column_relaxation, s.column_ratio, s.a);
  }
  Tensor through;  // by the plan
  if (by_plan.defined()) through = by_plan.to(at::kDouble);
  if (by_cost.defined()) {
    const Tensor g = column(by_cost).unsqueeze(2);
    grad.cost += g * s.plan;
    through = through.defined() ? through + g * s.cost : g * s.cost;
    through = through.to(at::kDouble);
  }
  if (!through.defined()) return grad;
  const Implicit more = implicit_gradient(s, through);
  return {.cost = grad.cost + more.cost, .a = grad.a + more.a, .b = grad.b + more.b};
}

}  // namespace alloy::detail
