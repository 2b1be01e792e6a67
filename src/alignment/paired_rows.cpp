// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/paired_rows.hpp"

#include <Eigen/Eigenvalues>

#include <algorithm>

namespace alloy::detail {

Tensor finite_rows(const Tensor& rows, std::string_view where, std::string_view what) {
  check_shape(rows, {-1, -1}, where, what);
  check_floating(rows, where, what);
  check<DataError>(rows.numel() > 0, "[{}] expected {} of at least one row and column, got {}", {where, what, rows});
  const Tensor out = rows.detach().to(at::kCPU, at::kDouble).contiguous();
  const Tensor bad = out.isfinite().all(1).logical_not();
  if (bad.any().item<bool>())
    fail<DataError>("[{}] expected finite {}, got row {} with NaN or infinity", {where, what, bad.nonzero()[0][0].item<int64_t>()});
  return out;
}

std::pair<Tensor, Tensor> paired_rows(const Tensor& first, const Tensor& second, std::string_view where) {
  const Tensor a = finite_rows(first, where, "first rows"), b = finite_rows(second, where, "second rows");
  check<ShapeError>(a.size(0) == b.size(0), "[{}] expected pairs row by row, got {} and {}", {where, first, second});
  return {a, b};
}

InverseRoot inverse_root(const Eigen::MatrixXd& symmetric, double floor, std::string_view where) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(symmetric);
  check<DataError>(solver.info() == Eigen::Success, "[{}] expected rows of moderate size, got a covariance [{}, {}] without a decomposition",
                   {where, symmetric.rows(), symmetric.cols()});
  const Eigen::VectorXd& values = solver.eigenvalues();  // ascending
  const double least = floor * values[values.size() - 1];
  int64_t rank = 0;
  while (rank < values.size() && values[values.size() - 1 - rank] > std::max(least, 0.0)) ++rank;
  return {.matrix = solver.eigenvectors().rightCols(rank) * values.tail(rank).cwiseSqrt().cwiseInverse().asDiagonal(), .rank = rank};
}

}  // namespace alloy::detail
