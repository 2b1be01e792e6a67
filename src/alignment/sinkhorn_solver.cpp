// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/sinkhorn_solver.hpp"

#include "alignment/detail/sinkhorn_kernels.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>

namespace alloy::detail {

namespace {

constexpr double kLog2E = std::numbers::log2e, kLn2 = std::numbers::ln2;  // the kernels' exponents are of two

template <class T>
class Solver {
 public:
  explicit Solver(const SinkhornTask<T>& task)
      : t_(task),
        scale_(static_cast<T>(kLog2E / task.options.epsilon)),
        h_(size(t_.m)),
        u_(size(t_.n), T{1}),
        v_(size(t_.m), T{1}),
        parts_(size(t_.parts)) {
    s_.phi.assign(size(t_.n), 0), s_.psi.assign(size(t_.m), 0), column_sums_.assign(size(t_.m), 0);
    for (Part& part : parts_) part.block.resize(size(t_.m)), part.sums.resize(size(t_.m));
    for (int64_t i = 0; i < t_.n; ++i) row_mass_ += static_cast<double>(t_.rows[i]);
  }

  SinkhornSolution solve() {
    SinkhornForm form = t_.options.form;
    const auto step = [&](auto&& once) {
      const double change = once();
      ++s_.iterations;
      s_.converged = change <= t_.options.tolerance * row_mass_;
      return !s_.converged && s_.iterations < t_.options.max_iterations;
    };
    if (form == SinkhornForm::automatic) form = fits_plain() ? SinkhornForm::plain : SinkhornForm::stabilised;
    if (form == SinkhornForm::log_domain) {
      while (step([&] { return log_step(); })) {
      }
    } else {
      bool more = true;
      if (form == SinkhornForm::stabilised) more = step([&] { return log_step(); });
      else start_plain();
      build_kernel();
      while (more) {
        more = step([&] { return scaled_step(); });
        if (!sound()) {
          check<DataError>(form == SinkhornForm::stabilised,
                           "[sinkhorn] expected costs within reach of the kernel exp(-C / epsilon), got underflow after {} iterations with epsilon "
                           "{}; take the form stabilised or log_domain",
                           {s_.iterations, t_.options.epsilon});
          --s_.iterations;                          // it came to nothing
          more = step([&] { return log_step(); });  // from the potentials that the kernel was built with
          build_kernel();
        } else if (form == SinkhornForm::stabilised && grown()) {
          absorb();
          build_kernel();
        }
      }
      finish_from_kernel();
    }
    if (form == SinkhornForm::log_domain) finish_from_potentials();
    return std::move(s_);
  }

 private:
  struct alignas(64) Part {
    std::vector<T> block, rows;  // column sums of a block of rows; rows made on the way
    std::vector<double> sums;    // column sums
    double change = 0, cost = 0;
  };
  static size_t size(int64_t n) { return static_cast<size_t>(n); }

  /// Note [Column sums]: the sums over rows are kept in T for 64 rows at a time and in double beyond, which costs next to nothing and
  /// leaves errors of 1e-7 in float. One pass gives sums by row and, with what follows from those, by column.
  /// @param rows  (part, first row, count, factors): where those rows lie; fills in the factors they count with
  template <class RowsOf>
  void sweep(int64_t stride, const RowsOf& rows) {
    constexpr int64_t kBlock = 64;
    const int64_t chunk = ((t_.n + t_.parts - 1) / t_.parts + kSinkhornRows - 1) / kSinkhornRows * kSinkhornRows;
    at::parallel_for(0, t_.parts, 1, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) {
        Part& part = parts_[size(p)];
        part.change = part.cost = 0;
        std::fill(part.sums.begin(), part.sums.end(), 0.0);
        std::fill(part.block.begin(), part.block.end(), T{0});
        const auto flush = [&] {
          for (size_t j = 0; j < part.block.size(); ++j) part.sums[j] += static_cast<double>(part.block[j]), part.block[j] = 0;
        };
        const int64_t last = std::min(t_.n, (p + 1) * chunk);
        for (int64_t i = p * chunk, done = 0; i < last; i += kSinkhornRows, done += kSinkhornRows) {
          if (done == kBlock) flush(), done = 0;
          const int64_t count = std::min(kSinkhornRows, last - i);
          T factors[kSinkhornRows];
          const T* base = rows(part, i, count, factors);
          kernels_.add_rows(base, stride, count, factors, part.block.data(), t_.m);
        }
        flush();
      }
    });
    std::fill(column_sums_.begin(), column_sums_.end(), 0.0);
    for (const Part& part : parts_)
      for (size_t j = 0; j < column_sums_.size(); ++j) column_sums_[j] += part.sums[j];
  }

  double total_change() const {
    double change = 0;
    for (const Part& part : parts_) change += part.change;
    return change;
  }

  bool fits_plain() {
    T low = std::numeric_limits<T>::infinity(), high = -low;
    for (int64_t i = 0; i < t_.n; ++i) {
      T least = 0, most = 0;
      kernels_.range(t_.cost + i * t_.m, t_.m, &least, &most);
      low = std::min(low, least), high = std::max(high, most);
    }
    least_ = static_cast<double>(low);
    return (static_cast<double>(high) - least_) / t_.options.epsilon <= (sizeof(T) == 4 ? 40 : 300);
  }

  /// The least cost goes into the potentials, so that the kernel's largest entry is 1.
  void start_plain() {
    if (!std::isfinite(least_)) fits_plain();
    std::fill(s_.phi.begin(), s_.phi.end(), least_ / t_.options.epsilon);
  }

  /// Note [One exponential an entry]: with row i's potential just set, the plan's row is its softmax, and S_j = sum_i a_i
  /// exp(phi_i - C_ij / epsilon), which the next potential of column j needs, is the plan's column sum over b_j exp(psi_j). So one
  /// exponential an entry does for both. Where a column has so little of any row's softmax that it vanishes in T, S_j is
  /// computed as it is written.
  ///
  /// Note [One pass a row]: a softmax subtracts the largest exponent, which takes a pass of its own. What the row's potential was a step ago
  /// serves as well while the row's sum stays far from where T ends; else the row is done again with its largest.
  double log_step() {
    fill_h();
    for (Part& part : parts_) part.rows.resize(size(kSinkhornRows * t_.m));
    const bool known = s_.iterations > 0 && t_.row_power > 0;  // the potential is -p lse, and -lse is wanted
    sweep(t_.m, [&](Part& part, int64_t i, int64_t count, T* factors) {
      for (int64_t r = 0; r < count; ++r) {
        double& phi = s_.phi[size(i + r)];
        const auto [shift, sum] =
            exponentials(t_.cost + (i + r) * t_.m, known ? std::optional(phi / t_.row_power) : std::nullopt, part.rows.data() + r * t_.m);
        const double lse = std::log(sum) - shift, weight = static_cast<double>(t_.rows[i + r]), now = -t_.row_power * lse;
        part.change += weight * std::abs(std::expm1(phi - now));
        phi = now;
        factors[r] = static_cast<T>(weight * (t_.row_power == 1 ? 1 / sum : std::exp(now - shift)));
      }
      return part.rows.data();
    });
    const double tiny = sizeof(T) == 4 ? 1e-25 : 1e-250;
    bool exact = false;
    for (int64_t j = 0; j < t_.m; ++j) exact |= !(column_sums_[size(j)] > tiny * static_cast<double>(t_.columns[j]) && column_sums_[size(j)] < 1e30);
    if (exact) {
      exact_columns();
    } else {
      for (int64_t j = 0; j < t_.m; ++j) s_.psi[size(j)] = -t_.column_power * (std::log(column_sums_[size(j)]) - kLn2 * static_cast<double>(h_[size(j)]));
    }
    std::fill(u_.begin(), u_.end(), T{1}), std::fill(v_.begin(), v_.end(), T{1});
    return total_change();
  }

  struct Exponentials {
    double shift, sum;
  };
  /// out_j = exp(shift + h_j - C_ij / epsilon) with a shift that keeps their sum within T, see Note [One pass a row].
  /// @param guess  of the shift
  Exponentials exponentials(const T* cost, std::optional<double> guess, T* out) const {
    constexpr double kFar = sizeof(T) == 4 ? 1e4 : 1e10;  // what is lost below T's least is then no more than by the softmax, nearly
    if (guess) {
      const T shift = static_cast<T>(kLog2E * *guess);
      const auto sum = static_cast<double>(kernels_.exp_row(cost, h_.data(), scale_, shift, out, t_.m));
      if (sum > 1 / kFar && sum < kFar) return {kLn2 * static_cast<double>(shift), sum};
    }
    T sum = 0;
    const T most = kernels_.softmax_row(cost, h_.data(), scale_, out, t_.m, &sum);
    return {-kLn2 * static_cast<double>(most), static_cast<double>(sum)};
  }

  /// log S_j by the largest term first, in two passes.
  void exact_columns() {
    std::vector<T> most(size(t_.m), -std::numeric_limits<T>::infinity()), sums(size(t_.m), T{0});
    const auto shift = [&](int64_t i) { return static_cast<T>(kLog2E * (std::log(static_cast<double>(t_.rows[i])) + s_.phi[size(i)])); };
    for (int64_t i = 0; i < t_.n; ++i) kernels_.max_into(t_.cost + i * t_.m, scale_, shift(i), most.data(), t_.m);
    for (int64_t i = 0; i < t_.n; ++i) kernels_.exp_sum_into(t_.cost + i * t_.m, scale_, shift(i), most.data(), sums.data(), t_.m);
    for (size_t j = 0; j < sums.size(); ++j) s_.psi[j] = -t_.column_power * (kLn2 * static_cast<double>(most[j]) + std::log(static_cast<double>(sums[j])));
  }

  void fill_h() {
    for (int64_t j = 0; j < t_.m; ++j) h_[size(j)] = static_cast<T>(kLog2E * (std::log(static_cast<double>(t_.columns[j])) + s_.psi[size(j)]));
  }

  /// K_ij = exp(phi_i + psi_j - C_ij / epsilon), in the place of the plan.
  void build_kernel() {
    std::vector<T> psi(size(t_.m));
    for (size_t j = 0; j < psi.size(); ++j) psi[j] = static_cast<T>(kLog2E * s_.psi[j]);
    at::parallel_for(0, t_.parts, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = t_.n * begin / t_.parts; i < t_.n * end / t_.parts; ++i)
        kernels_.exp_row(t_.cost + i * t_.m, psi.data(), scale_, static_cast<T>(kLog2E * s_.phi[size(i)]), t_.plan + i * t_.m, t_.m);
    });
    std::fill(u_.begin(), u_.end(), T{1}), std::fill(v_.begin(), v_.end(), T{1});
    weigh_columns();
  }
  void weigh_columns() {
    for (int64_t j = 0; j < t_.m; ++j) h_[size(j)] = t_.columns[j] * v_[size(j)];
  }

  /// u, v: what potentials have gained since the kernel was built, as factors.
  double scaled_step() {
    sweep(t_.m, [&](Part& part, int64_t i, int64_t count, T* factors) {
      T sums[kSinkhornRows];
      const T* base = t_.plan + i * t_.m;
      kernels_.dots(base, t_.m, count, h_.data(), t_.m, sums);
      for (int64_t r = 0; r < count; ++r) {
        const double now = scaling(static_cast<double>(sums[r]), s_.phi[size(i + r)], t_.row_power);
        T& u = u_[size(i + r)];
        part.change += static_cast<double>(t_.rows[i + r]) * std::abs(static_cast<double>(u) / now - 1);
        u = static_cast<T>(now);
        factors[r] = t_.rows[i + r] * u;
      }
      return base;
    });
    for (int64_t j = 0; j < t_.m; ++j) v_[size(j)] = static_cast<T>(scaling(column_sums_[size(j)], s_.psi[size(j)], t_.column_power));
    weigh_columns();
    return total_change();
  }
  /// exp(-p log S - potential), where sum = exp(potential) S.
  static double scaling(double sum, double potential, double power) {
    return power == 1 ? 1 / sum : std::exp(-power * std::log(sum) - (1 - power) * potential);
  }

  bool within(double least, double most) const {
    const auto good = [&](T x) { return static_cast<double>(x) >= least && static_cast<double>(x) <= most; };
    return std::ranges::all_of(u_, good) && std::ranges::all_of(v_, good);
  }
  bool sound() const { return within(static_cast<double>(std::numeric_limits<T>::min()), static_cast<double>(std::numeric_limits<T>::max())); }
  bool grown() const {
    const double most = sizeof(T) == 4 ? 1e4 : 1e50;
    return !within(1 / most, most);
  }
  void absorb() {
    for (size_t i = 0; i < u_.size(); ++i) s_.phi[i] += std::log(static_cast<double>(u_[i]));
    for (size_t j = 0; j < v_.size(); ++j) s_.psi[j] += std::log(static_cast<double>(v_[j]));
  }

  void finish_from_kernel() {
    finish([&](int64_t i, T* row) { return kernels_.scale_row(row, h_.data(), t_.rows[i] * u_[size(i)], row, t_.m); });
    absorb();
  }
  void finish_from_potentials() {
    fill_h();
    finish([&](int64_t i, T* row) {
      return kernels_.exp_row(t_.cost + i * t_.m, h_.data(), scale_, static_cast<T>(kLog2E * (std::log(static_cast<double>(t_.rows[i])) + s_.phi[size(i)])), row,
                              t_.m);
    });
  }
  /// @param fill  writes a row of the plan and returns its sum
  template <class Fill>
  void finish(const Fill& fill) {
    s_.row_sums.resize(size(t_.n));
    sweep(t_.m, [&](Part& part, int64_t i, int64_t count, T* factors) {
      for (int64_t r = 0; r < count; ++r) {
        T *row = t_.plan + (i + r) * t_.m, cost = 0;
        s_.row_sums[size(i + r)] = static_cast<double>(fill(i + r, row));
        kernels_.dots(t_.cost + (i + r) * t_.m, t_.m, 1, row, t_.m, &cost);
        part.cost += static_cast<double>(cost);
        factors[r] = 1;
      }
      return t_.plan + i * t_.m;
    });
    s_.column_sums = column_sums_;
    for (const Part& part : parts_) s_.cost += part.cost;
    for (const double sum : s_.row_sums) s_.mass += sum;
    check<DataError>(std::isfinite(s_.mass) && std::isfinite(s_.cost),
                     "[sinkhorn] expected a plan of finite numbers, got mass {} and cost {} with epsilon {}; take a larger epsilon, double, or the "
                     "form log_domain",
                     {s_.mass, s_.cost, t_.options.epsilon});
  }

  const SinkhornTask<T>& t_;
  const SinkhornKernels<T>& kernels_ = sinkhorn_kernels<T>();
  T scale_;
  std::vector<T> h_;  // log domain: (log b + psi) / ln 2; kernel: b v
  std::vector<T> u_, v_;
  std::vector<Part> parts_;
  std::vector<double> column_sums_;
  double row_mass_ = 0, least_ = std::numeric_limits<double>::quiet_NaN();
  SinkhornSolution s_;
};

}  // namespace

template <class T>
SinkhornSolution solve_sinkhorn(const SinkhornTask<T>& task) {
  return Solver<T>(task).solve();
}
template SinkhornSolution solve_sinkhorn(const SinkhornTask<float>& task);
template SinkhornSolution solve_sinkhorn(const SinkhornTask<double>& task);

}  // namespace alloy::detail
