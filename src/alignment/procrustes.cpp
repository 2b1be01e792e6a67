// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/procrustes.hpp>

#include "alignment/detail/paired_rows.hpp"

#include <ATen/Functions.h>
#include <Eigen/LU>
#include <Eigen/SVD>

#include <algorithm>

namespace alloy {

Tensor Procrustes::apply(const Tensor& rows) const {
  check_shape(rows, {-1, rotation.size(0)}, "Procrustes", "rows");
  check_floating(rows, "Procrustes", "rows");
  return (rows - source_mean.to(rows.options())).matmul((scale * rotation).to(rows.options())) + target_mean.to(rows.options());
}

Procrustes procrustes(const Tensor& source, const Tensor& target, const ProcrustesOptions& options) {
  auto [a, b] = detail::paired_rows(source, target, "procrustes");
  check<ShapeError>(a.size(1) == b.size(1), "[procrustes] expected clouds of one width, got {} and {}", {source, target});
  const int64_t width = a.size(1);
  Procrustes out{.rotation = {}, .source_mean = at::zeros({width}, at::kDouble), .target_mean = at::zeros({width}, at::kDouble)};
  const double size_a = a.abs().max().item<double>(), size_b = b.abs().max().item<double>();  // before centring: what rounding is measured by
  if (options.translation) out.source_mean = a.mean(0), out.target_mean = b.mean(0), a = a - out.source_mean, b = b - out.target_mean;
  const Eigen::MatrixXd product = to_eigen(a.t().matmul(b));
  const Eigen::BDCSVD<Eigen::MatrixXd> svd(product, Eigen::ComputeFullU | Eigen::ComputeFullV);
  const Eigen::VectorXd& values = svd.singularValues();  // descending
  const double rounding = 1e-13 * std::max(values[0], 1e-2 * size_a * size_b * static_cast<double>(a.size(0)));
  while (out.rank < width && values[out.rank] > rounding) ++out.rank;
  check<DataError>(out.rank > 0, "[procrustes] expected clouds with a direction in common, got rank 0 of {} from {} pairs{}",
                   {width, a.size(0), options.translation ? " (after centring)" : ""});
  Eigen::VectorXd signs = Eigen::VectorXd::Ones(width);
  if (!options.reflection && (svd.matrixU() * svd.matrixV().transpose()).determinant() < 0) signs[width - 1] = -1;  // the weakest direction
  out.rotation = from_eigen(svd.matrixU() * signs.asDiagonal() * svd.matrixV().transpose());
  if (options.scaling) out.scale = std::max(0.0, values.dot(signs)) / a.square().sum().item<double>();
  const double whole = b.square().sum().item<double>();
  out.residual = (out.scale * a.matmul(out.rotation) - b).square().sum().item<double>() / whole;
  return out;
}

}  // namespace alloy
