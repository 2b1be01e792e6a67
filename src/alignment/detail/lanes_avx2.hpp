// SPDX-License-Identifier: Apache-2.0
#pragma once

// See lanes_baseline.hpp, also for the arithmetic on bits.

#include <immintrin.h>

#include <cstdint>

namespace alloy::detail {
namespace {

struct FloatLanes {
  using Value = float;
  using Vec = __m256;
  static constexpr int kCount = 8, kRows = 4;
  static Vec load(const float* x) { return _mm256_loadu_ps(x); }
  static void store(float* x, Vec a) { _mm256_storeu_ps(x, a); }
  static Vec all(float x) { return _mm256_set1_ps(x); }
  static Vec add(Vec a, Vec b) { return _mm256_add_ps(a, b); }
  static Vec sub(Vec a, Vec b) { return _mm256_sub_ps(a, b); }
  static Vec mul(Vec a, Vec b) { return _mm256_mul_ps(a, b); }
  static Vec div(Vec a, Vec b) { return _mm256_div_ps(a, b); }
  static Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
  static Vec min(Vec a, Vec b) { return _mm256_min_ps(a, b); }
  static Vec max(Vec a, Vec b) { return _mm256_max_ps(a, b); }
  static Vec abs(Vec a) { return _mm256_andnot_ps(all(-0.0F), a); }
  static Vec sqrt(Vec a) { return _mm256_sqrt_ps(a); }
  static Vec round(Vec a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static Vec scale(Vec a, Vec n) {
    const Vec place = add(max(n, all(-127.0F)), all(12582912.0F + 127.0F));
    return mul(a, _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(place), 23)));
  }
  static Vec exponent(Vec a) {
    const __m256i bits = _mm256_srli_epi32(_mm256_castps_si256(a), 23);
    return sub(_mm256_or_ps(_mm256_castsi256_ps(bits), all(8388608.0F)), all(8388608.0F + 127.0F));
  }
  static Vec mantissa(Vec a) { return _mm256_or_ps(_mm256_and_ps(a, _mm256_castsi256_ps(_mm256_set1_epi32(0x7FFFFF))), all(1.0F)); }
};

struct DoubleLanes {
  using Value = double;
  using Vec = __m256d;
  static constexpr int kCount = 4, kRows = 4;
  static Vec load(const double* x) { return _mm256_loadu_pd(x); }
  static void store(double* x, Vec a) { _mm256_storeu_pd(x, a); }
  static Vec all(double x) { return _mm256_set1_pd(x); }
  static Vec add(Vec a, Vec b) { return _mm256_add_pd(a, b); }
  static Vec sub(Vec a, Vec b) { return _mm256_sub_pd(a, b); }
  static Vec mul(Vec a, Vec b) { return _mm256_mul_pd(a, b); }
  static Vec div(Vec a, Vec b) { return _mm256_div_pd(a, b); }
  static Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_pd(a, b, c); }
  static Vec min(Vec a, Vec b) { return _mm256_min_pd(a, b); }
  static Vec max(Vec a, Vec b) { return _mm256_max_pd(a, b); }
  static Vec abs(Vec a) { return _mm256_andnot_pd(all(-0.0), a); }
  static Vec sqrt(Vec a) { return _mm256_sqrt_pd(a); }
  static Vec round(Vec a) { return _mm256_round_pd(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static Vec scale(Vec a, Vec n) {
    const Vec place = add(max(n, all(-1023.0)), all(6755399441055744.0 + 1023.0));
    return mul(a, _mm256_castsi256_pd(_mm256_slli_epi64(_mm256_castpd_si256(place), 52)));
  }
  static Vec exponent(Vec a) {
    const __m256i bits = _mm256_srli_epi64(_mm256_castpd_si256(a), 52);
    return sub(_mm256_or_pd(_mm256_castsi256_pd(bits), all(4503599627370496.0)), all(4503599627370496.0 + 1023.0));
  }
  static Vec mantissa(Vec a) { return _mm256_or_pd(_mm256_and_pd(a, _mm256_castsi256_pd(_mm256_set1_epi64x(0xFFFFFFFFFFFFF))), all(1.0)); }
};

}  // namespace
}  // namespace alloy::detail
