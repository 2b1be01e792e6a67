// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Orthogonal Procrustes (Schoenemann 1966): the rotation or reflection that brings one cloud of rows nearest to another, with a
/// scale and a shift where wanted. Brings two embedding spaces together by a few known pairs without bending either.

#include <alloy/core/options.hpp>
#include <alloy/core/tensor.hpp>

namespace alloy {

struct ProcrustesOptions {
  bool translation = false;
  bool scaling = false;
  bool reflection = true;
  static void describe(auto& self, auto&& field) {
    field("translation", self.translation, "the clouds are centred first");
    field("scaling", self.scaling, "one factor for all directions");
    field("reflection", self.reflection, "determinant -1 is allowed; else the nearest rotation is given");
  }
};

/// x to scale (x - source_mean) rotation + target_mean.
struct Procrustes {
  Tensor rotation;                  ///< [D, D] double, orthogonal
  double scale = 1;                 ///< >= 0; 1 without scaling
  Tensor source_mean, target_mean;  ///< [D] double; 0 without translation
  /// Of the product of both clouds, 1..D: below D (rotations: D - 1) the map is not determined by the pairs, and how it turns the
  /// directions that they do not have in common is arbitrary.
  int64_t rank = 0;
  double residual = 0;  ///< sum of squared distances that are left, over that of the (centred) target; 0 = all pairs coincide
  /// @param rows  [N, D] floating @return of their dtype; gradients reach the rows @throws ShapeError
  ALLOY_API Tensor apply(const Tensor& rows) const;
};

/// In double, by a singular value decomposition of [D, D]: N D^2 + D^3 steps.
/// @param source, target  [N, D] floating, finite: row i of one belongs to row i of the other
/// @throws ShapeError; DataError for clouds without a direction in common (rank 0 of D, such as all rows zero, or all alike with
///         translation)
ALLOY_API Procrustes procrustes(const Tensor& source, const Tensor& target, const ProcrustesOptions& options = {});

}  // namespace alloy
