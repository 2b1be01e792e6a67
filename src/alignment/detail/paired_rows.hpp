// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Checks and decompositions that the operators on clouds of rows share.

#include <alloy/core/eigen.hpp>

namespace alloy::detail {

/// [N, D] double on the CPU, contiguous, without gradients. @throws ShapeError; DataError without rows or columns, and naming a row that
/// is not finite
Tensor finite_rows(const Tensor& rows, std::string_view where, std::string_view what);
/// Both sides of pairs: finite_rows of one number of rows.
std::pair<Tensor, Tensor> paired_rows(const Tensor& first, const Tensor& second, std::string_view where);

/// A symmetric matrix to the power -1/2 on the space of its eigenvalues above floor times the largest.
struct InverseRoot {
  Eigen::MatrixXd matrix;  ///< [D, rank]: M such that M^T A M = 1
  int64_t rank = 0;
};
/// @throws DataError if there is no decomposition
InverseRoot inverse_root(const Eigen::MatrixXd& symmetric, double floor, std::string_view where);

}  // namespace alloy::detail
