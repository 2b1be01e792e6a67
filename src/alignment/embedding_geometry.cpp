// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/embedding_geometry.hpp>

#include "alignment/detail/paired_rows.hpp"
#include "alignment/detail/unit_rows.hpp"

#include <ATen/Functions.h>
#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

namespace alloy {

namespace {

Tensor finite_rows(const Tensor& rows, std::string_view where) { return detail::finite_rows(rows, where, "embeddings"); }

Tensor unit_rows(const Tensor& rows, std::string_view where) {
  check_shape(rows, {-1, -1}, where, "embeddings");
  check_floating(rows, where, "embeddings");
  check<DataError>(rows.numel() > 0, "[{}] expected at least one row and column, got {}", {where, rows});
  return detail::unit_rows(rows.detach().to(at::kCPU, at::kDouble), where, [](int64_t row) { return "row " + std::to_string(row); });
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

AlignmentUniformity alignment_uniformity(const Tensor& first, const Tensor& second, double t) {
  const Tensor a = unit_rows(first, "alignment_uniformity"), b = unit_rows(second, "alignment_uniformity");
  check_pair(a, b, "alignment_uniformity");
  check<ShapeError>(a.size(0) == b.size(0), "[alignment_uniformity] expected partners row by row, got {} and {}", {first, second});
  check<DataError>(a.size(0) >= 2, "[alignment_uniformity] expected at least two pairs, got {}", {a.size(0)});
  const double partners = (a * b).sum().item<double>(), all = a.sum(0).dot(b.sum(0)).item<double>(), n = static_cast<double>(a.size(0));
  return {.pairs = a.size(0), .dim = a.size(1), .alignment = alignment(a, b), .first_uniformity = uniformity(a, t), .second_uniformity = uniformity(b, t),
          .modality_gap = modality_gap(a, b), .partner_cosine = partners / n, .other_cosine = (all - partners) / (n * (n - 1))};
}

std::string to_text(const AlignmentUniformity& report, std::string_view first, std::string_view second) {
  std::string text;
  const auto line = [&](std::string what, double value, const char* meaning) {
    char number[32];
    std::snprintf(number, sizeof number, "%9.4f", value);
    what.resize(std::max<size_t>(what.size() + 1, 28), ' ');
    text += what + number + "  " + meaning + "\n";
  };
  text += format_message("{} pairs of {} and {}, width {}\n", {report.pairs, first, second, report.dim});
  line("alignment", report.alignment, "mean squared distance of partners, 0..4: 0 = they coincide");
  line("uniformity of " + std::string(first), report.first_uniformity, "0 = all rows coincide, the lower the more evenly spread");
  line("uniformity of " + std::string(second), report.second_uniformity, "");
  line("modality gap", report.modality_gap, "distance of the means, 0..2");
  line("cosine of partners", report.partner_cosine, "mean over pairs");
  line("cosine of others", report.other_cosine, "mean over all that are no partners");
  return text;
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
