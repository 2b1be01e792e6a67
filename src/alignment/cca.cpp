// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/cca.hpp>

#include "alignment/detail/paired_rows.hpp"

#include <Eigen/SVD>

#include <algorithm>
#include <cmath>

namespace alloy {

void CcaOptions::validate() const {
  check<ConfigError>(components >= 0, "[cca] expected components >= 0, got {}", {components});
  check<ConfigError>(ridge >= 0 && std::isfinite(ridge), "[cca] expected ridge >= 0, got {}", {ridge});
  check<ConfigError>(eigenvalue_floor >= 0 && eigenvalue_floor < 1, "[cca] expected eigenvalue_floor in 0..1, got {}", {eigenvalue_floor});
}

Tensor CcaSide::project(const Tensor& rows) const {
  check_shape(rows, {-1, weights.size(0)}, "CcaSide", "rows");
  check_floating(rows, "CcaSide", "rows");
  return (rows - mean.to(rows.options())).matmul(weights.to(rows.options()));
}

Cca cca(const Tensor& first, const Tensor& second, const CcaOptions& options) {
  options.validate();
  const auto [a, b] = detail::paired_rows(first, second, "cca");
  const int64_t n = a.size(0);
  Cca out{.correlations = {}, .first = {.mean = a.mean(0), .weights = {}}, .second = {.mean = b.mean(0), .weights = {}}};
  const Tensor ca = a - out.first.mean, cb = b - out.second.mean;
  const double scale = 1 / static_cast<double>(std::max<int64_t>(1, n - 1));
  // Each side's rank is that of its rows; the ridge comes on top.
  const auto whiten = [&](const Tensor& x, int64_t& rank, std::string_view side) {
    Eigen::MatrixXd covariance = to_eigen(x.t().matmul(x)) * scale;
    const double variance = covariance.trace() / static_cast<double>(covariance.rows());
    rank = detail::inverse_root(covariance, std::max(options.eigenvalue_floor, 1e-14), "cca").rank;
    const bool alike = x.abs().max().item<double>() <= 1e-13 * (side == "first" ? a : b).abs().max().item<double>();
    check<DataError>(rank > 0 && !alike, "[cca] expected rows that differ, got a {} side of rank 0 of {}: all its {} rows are alike",
                     {side, x.size(1), n});
    covariance.diagonal().array() += options.ridge * variance;
    return detail::inverse_root(covariance, options.eigenvalue_floor, "cca").matrix;
  };
  const Eigen::MatrixXd wa = whiten(ca, out.first.rank, "first"), wb = whiten(cb, out.second.rank, "second");
  check<DataError>(options.ridge > 0 || out.first.rank + out.second.rank < n,
                   "[cca] expected more rows than the ranks of both sides together, got {} rows with ranks {} and {}: some correlations would be 1 "
                   "whatever the rows hold; give a ridge, fewer columns or more rows",
                   {n, out.first.rank, out.second.rank});
  const int64_t most = std::min(out.first.rank, out.second.rank), k = options.components == 0 ? most : options.components;
  check<ConfigError>(k <= most, "[cca] expected at most as many components as the smaller rank, got {} with ranks {} and {}",
                     {k, out.first.rank, out.second.rank});
  const Eigen::MatrixXd cross = to_eigen(ca.t().matmul(cb)) * scale, product = wa.transpose() * cross * wb;
  const Eigen::BDCSVD<Eigen::MatrixXd> svd(product, Eigen::ComputeThinU | Eigen::ComputeThinV);
  Eigen::MatrixXd u = wa * svd.matrixU().leftCols(k), v = wb * svd.matrixV().leftCols(k);
  for (int64_t i = 0; i < k; ++i) {
    Eigen::Index place = 0;
    u.col(i).cwiseAbs().maxCoeff(&place);
    if (u(place, i) < 0) u.col(i) *= -1, v.col(i) *= -1;
  }
  out.correlations = from_eigen(svd.singularValues().head(k)).squeeze(1).clamp(0, 1);
  out.first.weights = from_eigen(u);
  out.second.weights = from_eigen(v);
  return out;
}

}  // namespace alloy
