// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Canonical correlation analysis (Hotelling 1936): the directions of two clouds of paired rows that correlate most, in closed form
/// and in double. The linear baseline of every joint space, and the last step of a deep one (deep_cca.hpp).

#include <alloy/core/options.hpp>
#include <alloy/core/tensor.hpp>

namespace alloy {

struct CcaOptions {
  int64_t components = 0;
  double ridge = 0;
  double eigenvalue_floor = 1e-10;
  static void describe(auto& self, auto&& field) {
    field("components", self.components, "pairs of directions, at most the smaller rank; 0 = that many");
    field("ridge", self.ridge, "added to both covariances, as a share of their mean variance, >= 0");
    field("eigenvalue_floor", self.eigenvalue_floor, "0..1: directions whose variance is at most this share of the largest are left out");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// One side: how its rows come into the shared space.
struct CcaSide {
  Tensor mean;       ///< [D] double
  Tensor weights;    ///< [D, K] double; with ridge 0 the training rows' projections have variance 1 and no correlation among them
  int64_t rank = 0;  ///< of its centred rows, above the floor
  /// @param rows  [N, D] floating, seen in training or not @return [N, K] of their dtype; gradients reach the rows @throws ShapeError
  ALLOY_API Tensor project(const Tensor& rows) const;
};

struct Cca {
  Tensor correlations;  ///< [K] double, descending, 0..1: those of the projections, smaller with a ridge
  CcaSide first, second;
};

/// Eigenvalues and singular values of matrices of the sides' widths: N (D1 + D2)^2 steps, then D^3. The sign of a pair is such that
/// the greatest weight of the first side is positive.
/// @param first, second  [N, D1] and [N, D2] floating, finite: row i of one belongs to row i of the other
/// @throws ShapeError; ConfigError for more components than the smaller rank; DataError for a cloud of rank 0 (all rows alike), and
///         without a ridge for so few rows that some correlations are 1 whatever they hold: N <= rank + rank. Ranks are named.
ALLOY_API Cca cca(const Tensor& first, const Tensor& second, const CcaOptions& options = {});

}  // namespace alloy
