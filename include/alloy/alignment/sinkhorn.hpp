// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Optimal transport with entropy (Cuturi 2013, "Sinkhorn Distances"): how much of each row's weight belongs to each column, so that
/// the cost is least and the plan stays smooth. With relaxed margins (Chizat et al. 2018; Sejourne et al. 2019) weight that has no
/// partner may stay at home. Of all plans P >= 0, minimised is
///
///     sum P_ij C_ij + epsilon KL(P | a b^T) + rho_1 KL(P 1 | a) + rho_2 KL(P^T 1 | b),     KL(x | y) = sum x log(x / y) - x + y,
///
/// where an exact margin has no last term but P 1 = a.

#include <alloy/core/options.hpp>
#include <alloy/core/tensor.hpp>

#include <array>
#include <utility>

namespace alloy {

/// All have the same solution.
enum class SinkhornForm {
  automatic,   ///< plain where the range of costs over epsilon is within 40 (float) or 300 (double), else stabilised
  plain,       ///< by the kernel exp(-C / epsilon), which underflows where epsilon is small
  stabilised,  ///< by a kernel that takes in the potentials when they grow (Schmitzer 2019, algorithm 2), from a step in the log domain on
  log_domain,  ///< by log-sum-exp, for any epsilon; the kernel is never in memory
};
constexpr auto enum_names(SinkhornForm) {
  return std::to_array<std::pair<SinkhornForm, std::string_view>>({{SinkhornForm::automatic, "automatic"},
                                                                   {SinkhornForm::plain, "plain"},
                                                                   {SinkhornForm::stabilised, "stabilised"},
                                                                   {SinkhornForm::log_domain, "log_domain"}});
}

struct SinkhornOptions {
  double epsilon = 0.05;
  double row_relaxation = 0;
  double column_relaxation = 0;
  SinkhornForm form = SinkhornForm::automatic;
  double tolerance = 1e-5;
  int64_t max_iterations = 1000;
  static void describe(auto& self, auto&& field) {
    field("epsilon", self.epsilon, "weight of the entropy, in the unit of the costs, > 0");
    field("row_relaxation", self.row_relaxation,
          "rho_1, what a unit of weight that rows miss or have too much costs, about; 0 = the margin is exact");
    field("column_relaxation", self.column_relaxation, "rho_2, the same of columns");
    field("form", self.form, "how the iterations are done");
    field("tolerance", self.tolerance,
          "they end when sum_i |row sum - a_i| is at most this share of the mass (relaxed: when scalings change by less); 0 = never; float reaches "
          "about 1e-6");
    field("max_iterations", self.max_iterations, "updates of rows and columns, > 0");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// The histograms, and what of a padded batch is real. Weights are >= 0 and need not sum to 1, but rows and columns to the same
/// (relative 1e-4) unless one of them is relaxed. A weight of 0 is as good as padding, but that it has a potential.
struct SinkhornMargins {
  Tensor rows = {};         ///< a: [B, N] or [N]; undefined = 1 / number of real rows each
  Tensor columns = {};      ///< b: [B, M] or [M]
  Tensor row_mask = {};     ///< bool [B, N] or [N], false = padding, whose weights and costs may hold anything
  Tensor column_mask = {};  ///< bool [B, M] or [M]
};

/// Without B where the costs have none. Zero in padded rows and columns.
struct SinkhornResult {
  Tensor plan;                     ///< P [B, N, M]
  Tensor cost;                     ///< [B] sum of P_ij C_ij
  Tensor value;                    ///< [B] the minimum above, by its dual
  Tensor row_potential;            ///< f [B, N]; with exact margins a constant may go from f to g
  Tensor column_potential;         ///< g [B, M]
  Tensor row_error, column_error;  ///< [B] double: sum |row sum - a_i| / sum of a; relaxed margins have one by design
  Tensor iterations;               ///< [B] int64
  Tensor converged;                ///< [B] bool: the tolerance was met
};

/// Gradients reach the costs and the weights, at the solution: they are right as far as the iterations have converged, and never go
/// through the iterations. That of `value` is free: by the envelope theorem it is the plan by the costs and, but for the constant,
/// the potentials by the weights. Those of `plan` and `cost` solve the linear system of the implicit function theorem in double,
/// N M min(N, M) steps. Potentials, errors and the rest have none. Weights of exact margins move together: only
/// directions that keep the sums alike mean anything.
///
/// Float and double on the CPU (half and bfloat16 are computed in float; other devices are copied). N M steps an iteration, one
/// pass over the matrix; threads share batches, or the rows of one large problem.
/// @param cost  [B, N, M] or [N, M], finite where it is real
/// @throws ShapeError; ConfigError; DataError for a cost or weight that is NaN, infinite or negative (weights), naming its place, for
///         histograms without mass or of unlike sums, and where the form `plain` underflows
ALLOY_API SinkhornResult sinkhorn(const Tensor& cost, const SinkhornMargins& margins = {}, const SinkhornOptions& options = {});

}  // namespace alloy
