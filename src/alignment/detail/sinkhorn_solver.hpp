// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Sinkhorn's iterations for one pair of histograms without zeros.

#include <alloy/alignment/sinkhorn.hpp>

namespace alloy::detail {

/// Note [Scaled potentials]: the plan is P_ij = a_i b_j exp(phi_i + psi_j - C_ij / epsilon), with phi = f / epsilon and
/// psi = g / epsilon. A step sets phi_i = -p log S_i with S_i = sum_j b_j exp(psi_j - C_ij / epsilon), then psi alike; p = 1 for
/// an exact margin, rho / (rho + epsilon) for one relaxed by rho.
template <class T>
struct SinkhornTask {
  const T* cost = nullptr;  ///< [n, m] finite
  int64_t n = 0, m = 0;
  const T *rows = nullptr, *columns = nullptr;  ///< [n], [m] > 0
  double row_power = 1, column_power = 1;       ///< p
  SinkhornOptions options = {};
  int64_t parts = 1;  ///< threads that share the rows
  T* plan = nullptr;  ///< [n, m], written; also where the kernel lies meanwhile
};

struct SinkhornSolution {
  std::vector<double> phi, psi;               ///< Note [Scaled potentials]
  std::vector<double> row_sums, column_sums;  ///< of the plan
  double cost = 0;                            ///< sum of P_ij C_ij
  double mass = 0;                            ///< sum of the plan
  int64_t iterations = 0;
  bool converged = false;
};

/// @throws DataError where the form asked for cannot hold the numbers
template <class T>
SinkhornSolution solve_sinkhorn(const SinkhornTask<T>& task);

}  // namespace alloy::detail
