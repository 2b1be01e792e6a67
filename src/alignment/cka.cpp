// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/cka.hpp>

#include "alignment/detail/paired_rows.hpp"

#include <ATen/Functions.h>

#include <algorithm>
#include <cmath>

namespace alloy {

namespace {

/// Rows of the Gram matrix of one representation.
class Gram {
 public:
  Gram(const Tensor& rows, const CkaOptions& options, std::string_view side) : x_(rows - rows.mean(0)), rbf_(options.kernel == CkaKernel::rbf) {
    const double size = x_.abs().max().item<double>();
    check<DataError>(size > 1e-13 * rows.abs().max().item<double>(),
                     "[cka] expected rows that differ, got a {} representation of rank 0 of {}: all its {} rows are alike",
                     {side, rows.size(1), rows.size(0)});
    x_ = x_ / size;  // CKA does not see the scale, overflow would
    if (!rbf_) return;
    constexpr int64_t kMost = 1024;
    const Tensor some = x_.slice(0, 0, x_.size(0), (x_.size(0) + kMost - 1) / kMost);
    const Tensor index = at::triu_indices(some.size(0), some.size(0), 1, at::TensorOptions(at::kLong));
    const double median = distances(some, some).index({index[0], index[1]}).median().sqrt().item<double>();
    check<DataError>(median > 0, "[cka] expected samples most of which differ, got a median distance of 0 in the {} representation", {side});
    scale_ = -0.5 / std::pow(options.rbf_share * median, 2);
  }
  /// [count, N] from row `begin` on.
  Tensor rows(int64_t begin, int64_t count) const {
    const Tensor part = x_.narrow(0, begin, count);
    return rbf_ ? at::exp(scale_ * distances(part, x_)) : part.matmul(x_.t());
  }

 private:
  static Tensor distances(const Tensor& a, const Tensor& b) {
    return (a.square().sum(1, true) + b.square().sum(1).unsqueeze(0) - 2 * a.matmul(b.t())).clamp_min(0);
  }
  Tensor x_;
  bool rbf_;
  double scale_ = 0;
};

/// What HSIC needs of two Gram matrices K and L, for KL, KK and LL at once.
struct Sums {
  Tensor k, l;                    // [N], by row
  double kl = 0, kk = 0, ll = 0;  // of the products of entries
};

Sums sums_of(const Gram& first, const Gram& second, int64_t n, bool with_diagonal) {
  constexpr int64_t kTile = 256;
  Sums sums{.k = at::empty({n}, at::kDouble), .l = at::empty({n}, at::kDouble)};
  for (int64_t begin = 0; begin < n; begin += kTile) {
    const int64_t count = std::min(kTile, n - begin);
    Tensor k = first.rows(begin, count), l = second.rows(begin, count);
    if (!with_diagonal)
      for (const Tensor& x : {k, l}) x.diagonal(begin).zero_();
    sums.k.narrow(0, begin, count).copy_(k.sum(1)), sums.l.narrow(0, begin, count).copy_(l.sum(1));
    const auto dot = [](const Tensor& a, const Tensor& b) { return a.reshape(-1).dot(b.reshape(-1)).item<double>(); };
    sums.kl += dot(k, l), sums.kk += dot(k, k), sums.ll += dot(l, l);
  }
  return sums;
}

}  // namespace

void CkaOptions::validate() const {
  check<ConfigError>(rbf_share > 0 && std::isfinite(rbf_share), "[cka] expected rbf_share > 0, got {}", {rbf_share});
}

double cka(const Tensor& first, const Tensor& second, const CkaOptions& options) {
  options.validate();
  const auto [a, b] = detail::paired_rows(first, second, "cka");
  const bool biased = options.estimator == CkaEstimator::biased;
  const int64_t n = a.size(0), least = biased ? 2 : 4;
  check<DataError>(n >= least, "[cka] expected at least {} samples for the {} estimator, got {}", {least, options.estimator, n});
  const Sums s = sums_of(Gram(a, options, "first"), Gram(b, options, "second"), n, biased);
  const double m = static_cast<double>(n);
  // Biased: tr(K H L H). Debiased, of matrices without their diagonals: Song et al. 2012, eq. 5, up to a factor that cancels.
  const auto hsic = [&](double product, const Tensor& k, const Tensor& l) {
    const double all = k.sum().item<double>() * l.sum().item<double>(), rows = k.dot(l).item<double>();
    return biased ? product - 2 / m * rows + all / (m * m) : product + all / ((m - 1) * (m - 2)) - 2 / (m - 2) * rows;
  };
  const double kk = hsic(s.kk, s.k, s.k), ll = hsic(s.ll, s.l, s.l);
  check<DataError>(kk > 0 && ll > 0, "[cka] expected samples enough for the {} estimator, got {} with a similarity to themselves of {} and {}",
                   {options.estimator, n, kk, ll});
  return hsic(s.kl, s.k, s.l) / std::sqrt(kk * ll);
}

}  // namespace alloy
