// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/embedding_geometry.hpp>

#include <alloy/core/eigen.hpp>

#include <ATen/Functions.h>
#include <Eigen/Eigenvalues>

#include <cmath>
#include <limits>

namespace alloy {

namespace {

/// [N, D] double on the CPU, contiguous, without gradients; all finite.
Tensor finite_rows(const Tensor& rows, std::string_view where) {
  check_shape(rows, {-1, -1}, where, "embeddings");
  check_floating(rows, where, "embeddings");
  check<DataError>(rows.size(0) > 0 && rows.size(1) > 0, "[{}] expected at least one row and column, got {}", {where, rows});
  const Tensor out = rows.detach().to(at::kCPU, at::kDouble).contiguous();
  const Tensor bad = out.isfinite().all(1).logical_not();
  if (bad.any().item<bool>()) fail<DataError>("[{}] expected finite embeddings, got row {} with NaN or infinity", {where, bad.nonzero()[0][0].item<int64_t>()});
  return out;
}

Tensor unit_rows(const Tensor& rows, std::string_view where) {
  const Tensor out = finite_rows(rows, where);
  const Tensor scaled = out / out.abs().amax(1, true).clamp_min(std::numeric_limits<double>::min());  // squares that neither overflow nor vanish
  const Tensor norm = scaled.norm(2, {1}, /*keepdim=*/true);
  const Tensor zero = norm.squeeze(1).eq(0);
  if (zero.any().item<bool>()) fail<DataError>("[{}] expected rows with a direction, got row {} of zeros", {where, zero.nonzero()[0][0].item<int64_t>()});
  return scaled / norm;
}

void check_pair(const Tensor& first, const Tensor& second, std::string_view where) {
  check<ShapeError>(first.size(1) == second.size(1), "[{}] expected embeddings of one width, got {} and {}", {where, first, second});
}

/// log(exp(a) + exp(b)) without overflow.
double log_add(double a, double b) {
  const double most = std::max(a, b);
  return std::isinf(most) ? most : most + std::log(std::exp(a - most) + std::exp(b - most));
}

}  // namespace

double modality_gap(const Tensor& first, const Tensor& second) {
  const Tensor a = unit_rows(first, "modality_gap"), b = unit_rows(second, "modality_gap");
  check_pair(a, b, "modality_gap");
  return (a.mean(0) - b.mean(0)).norm().item<double>();
}

double alignment(const Tensor& first, const Tensor& second, double exponent) {
  check<ConfigError>(exponent > 0, "[alignment] expected exponent > 0, got {}", {exponent});
  const Tensor a = unit_rows(first, "alignment"), b = unit_rows(second, "alignment");
  check_pair(a, b, "alignment");
  check<ShapeError>(a.size(0) == b.size(0), "[alignment] expected partners row by row, got {} and {}", {first, second});
  return (a - b).norm(2, {1}).pow(exponent).mean().item<double>();
}

double uniformity(const Tensor& rows, double t) {
  constexpr int64_t kBlock = 256;
  check<ConfigError>(t > 0, "[uniformity] expected t > 0, got {}", {t});
  const Tensor x = unit_rows(rows, "uniformity");
  const int64_t n = x.size(0);
  check<DataError>(n >= 2, "[uniformity] expected at least two rows, got {}", {n});
  const Tensor index = at::arange(n, at::kLong);
  double sum = -std::numeric_limits<double>::infinity();
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t size = std::min(kBlock, n - begin);
    const Tensor squared = (2 - 2 * x.narrow(0, begin, size).matmul(x.t())).clamp_min(0);  // [size, N]
    const Tensor later = index.unsqueeze(0) > index.narrow(0, begin, size).unsqueeze(1);   // pairs once
    const Tensor exponents = (-t * squared).masked_select(later);
    if (exponents.numel() > 0) sum = log_add(sum, exponents.logsumexp(0).item<double>());
  }
  return sum - std::log(0.5 * static_cast<double>(n) * static_cast<double>(n - 1));
}

// Of the two matrices with the same eigenvalues, X X^T [N, N] and X^T X [D, D], the smaller is decomposed.
PrincipalComponents principal_components(const Tensor& rows, int64_t count) {
  check<ConfigError>(count > 0, "[principal_components] expected count > 0, got {}", {count});
  Tensor x = finite_rows(rows, "principal_components");
  x = x - x.mean(0, true);
  const bool by_rows = x.size(0) < x.size(1);
  const Tensor product = by_rows ? x.matmul(x.t()) : x.t().matmul(x);
  const int64_t side = product.size(0);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(to_eigen(product));
  check<DataError>(solver.info() == Eigen::Success, "[principal_components] expected embeddings of moderate size, got {} without a decomposition", {rows});
  const double total = std::max(0.0, solver.eigenvalues().sum());
  PrincipalComponents out{.points = at::zeros({x.size(0), count}, at::kDouble), .variance_share = at::zeros({count}, at::kDouble)};
  for (int64_t i = 0; i < std::min(count, side); ++i) {
    const int64_t place = side - 1 - i;  // in ascending order
    const double value = std::max(0.0, solver.eigenvalues()[place]);
    if (value <= 1e-14 * total) break;  // rounding
    const Tensor vector = from_eigen(solver.eigenvectors().col(place)).squeeze(1);
    Tensor points = by_rows ? vector * std::sqrt(value) : x.mv(vector);
    if (points[points.abs().argmax()].item<double>() < 0) points = -points;
    out.points.select(1, i).copy_(points);
    out.variance_share[i].fill_(value / total);
  }
  return out;
}

}  // namespace alloy
