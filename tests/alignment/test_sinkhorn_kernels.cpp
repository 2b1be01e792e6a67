// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include "alignment/detail/sinkhorn_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace alloy::detail;

namespace {

template <class T>
std::vector<const SinkhornKernels<T>*> runnable() {
  constexpr bool kFloat = sizeof(T) == 4;
  const auto pick = [](const auto& of_float, const auto& of_double) {
    if constexpr (kFloat) return &of_float;
    else return &of_double;
  };
  std::vector<const SinkhornKernels<T>*> all = {pick(kSinkhornFloatBaseline, kSinkhornDoubleBaseline)};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) all.push_back(pick(kSinkhornFloatAvx2, kSinkhornDoubleAvx2));
  if (__builtin_cpu_supports("avx512f")) all.push_back(pick(kSinkhornFloatAvx512, kSinkhornDoubleAvx512));
#endif
  return all;
}

template <class T>
std::vector<T> values(int64_t n, double low, double high, uint64_t seed) {
  torch::manual_seed(seed);
  const at::Tensor t = torch::rand({n}, torch::kDouble) * (high - low) + low;
  return {t.const_data_ptr<double>(), t.const_data_ptr<double>() + n};
}

template <class T>
void check_against_standard_library() {
  const T rel = sizeof(T) == 4 ? T(4e-6) : T(2e-14);
  for (const auto* k : runnable<T>())
    for (const int64_t n : {1, 2, 3, 7, 8, 9, 16, 31, 32, 33, 100}) {
      INFO(k->name << " " << n);
      const auto rows = values<T>(4 * n, 0, 2, 1), x = values<T>(n, 0.5, 2, 2), h = values<T>(n, -3, 3, 3);
      const auto near = [&](T given, double expected) {
        return std::abs(static_cast<double>(given) - expected) <= static_cast<double>(rel) * (1 + std::abs(expected));
      };
      for (const int64_t count : {1, 3, 4}) {
        T sums[4] = {};
        std::vector<T> y = h;
        const T factors[4] = {T(0.5), T(-1), T(2), T(0.25)};
        k->dots(rows.data(), n, count, x.data(), n, sums);
        k->add_rows(rows.data(), n, count, factors, y.data(), n);
        for (int64_t r = 0; r < count; ++r) {
          double dot = 0;
          for (int64_t j = 0; j < n; ++j) dot += static_cast<double>(rows[r * n + j]) * x[j];
          CHECK(near(sums[r], dot));
        }
        for (int64_t j = 0; j < n; ++j) {
          double expected = h[j];
          for (int64_t r = 0; r < count; ++r) expected += static_cast<double>(factors[r]) * rows[r * n + j];
          CHECK(near(y[j], expected));
        }
      }
      std::vector<T> out(n), soft(n), most(h), sums(x);
      double total = 0, top = -1e9;
      const T sum = k->exp_row(rows.data(), h.data(), T(3), T(0.25), out.data(), n);
      for (int64_t j = 0; j < n; ++j) {
        const double e = std::exp2(0.25 + h[j] - 3.0 * rows[j]);
        CHECK(near(out[j], e));
        total += e;
        top = std::max(top, h[j] - 3.0 * rows[j]);
      }
      CHECK(near(sum, total));
      T soft_sum = 0;
      CHECK(near(k->softmax_row(rows.data(), h.data(), T(3), soft.data(), n, &soft_sum), top));
      for (int64_t j = 0; j < n; ++j) CHECK(near(soft[j], std::exp2(h[j] - 3.0 * rows[j] - top)));
      CHECK(near(soft_sum, total * std::exp2(-0.25 - top)));
      k->max_into(rows.data(), T(2), T(0.5), most.data(), n);
      k->exp_sum_into(rows.data(), T(2), T(0.5), most.data(), sums.data(), n);
      for (int64_t j = 0; j < n; ++j) {
        CHECK(near(most[j], std::max<double>(h[j], 0.5 - 2.0 * rows[j])));
        CHECK(near(sums[j], x[j] + std::exp2(0.5 - 2.0 * rows[j] - most[j])));
      }
      std::vector<T> scaled(rows.begin(), rows.begin() + n);  // in place
      double product = 0;
      const T scaled_sum = k->scale_row(scaled.data(), x.data(), T(1.5), scaled.data(), n);
      for (int64_t j = 0; j < n; ++j) product += 1.5 * rows[j] * x[j];
      CHECK(near(scaled_sum, product));
      T least = 0, largest = 0;
      CHECK(k->range(h.data(), n, &least, &largest));
      CHECK((least == *std::min_element(h.begin(), h.end()) && largest == *std::max_element(h.begin(), h.end())));
    }
}

template <class T>
void check_edges() {
  const T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  for (const auto* k : runnable<T>()) {
    INFO(k->name);
    const std::vector<T> zero(19, 0);
    std::vector<T> out(19);
    for (const T shift : {T(-1e4), T(-1080)}) {
      CHECK(k->exp_row(zero.data(), zero.data(), T(1), shift, out.data(), 19) == 0);
      CHECK(std::ranges::all_of(out, [](T x) { return x == 0; }));
    }
    const T lowest = sizeof(T) == 4 ? -126 : -1022, highest = sizeof(T) == 4 ? T(127.5) : T(1023.5);
    for (const T x : {T(0), T(0.5), T(-0.5), T(1.5), T(-1.5), lowest, lowest + 1, std::nextafter(highest, T(0)), highest}) {
      INFO(x);
      const T value = k->exp_row(zero.data(), zero.data(), T(1), x, out.data(), 1);
      CHECK(std::abs(value / std::exp2(x) - 1) < (sizeof(T) == 4 ? T(2e-7) : T(1e-15)));
    }
    CHECK(k->exp_row(zero.data(), zero.data(), T(1), std::nextafter(lowest, T(-2000)), out.data(), 1) == 0);
    const T large = k->exp_row(zero.data(), zero.data(), T(1), T(1e4), out.data(), 1);  // kept finite, and padding adds nothing
    CHECK((std::isfinite(large) && large == out[0] && large > T(1e37)));
    for (const size_t place : {0, 7, 18})
      for (const T bad : {inf, -inf, nan}) {
        std::vector<T> x(19, 1);
        x[place] = bad;
        T least = 0, most = 0;
        CHECK_FALSE(k->range(x.data(), 19, &least, &most));
      }
    std::vector<T> h(19, 0), soft(19);
    h[18] = nan;
    k->exp_row(zero.data(), h.data(), T(1), T(0), soft.data(), 19);
    CHECK(std::isnan(soft[18]));  // never lost
  }
}

}  // namespace

TEST_CASE("sinkhorn kernels agree with the standard library at every length", "[alignment]") {
  check_against_standard_library<float>();
  check_against_standard_library<double>();
}

TEST_CASE("sinkhorn kernels at the edges of numbers", "[alignment]") {
  check_edges<float>();
  check_edges<double>();
}
