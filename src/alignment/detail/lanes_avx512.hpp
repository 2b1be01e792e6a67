// SPDX-License-Identifier: Apache-2.0
#pragma once

// See lanes_baseline.hpp.

#include <immintrin.h>

#include <cstdint>

namespace alloy::detail {
namespace {

struct FloatLanes {
  using Value = float;
  using Vec = __m512;
  static constexpr int kCount = 16, kRows = 8;
  static Vec load(const float* x) { return _mm512_loadu_ps(x); }
  static void store(float* x, Vec a) { _mm512_storeu_ps(x, a); }
  static Vec all(float x) { return _mm512_set1_ps(x); }
  static Vec add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
  static Vec sub(Vec a, Vec b) { return _mm512_sub_ps(a, b); }
  static Vec mul(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
  static Vec div(Vec a, Vec b) { return _mm512_div_ps(a, b); }
  static Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
  static Vec min(Vec a, Vec b) { return _mm512_min_ps(a, b); }
  static Vec max(Vec a, Vec b) { return _mm512_max_ps(a, b); }
  static Vec abs(Vec a) { return _mm512_abs_ps(a); }
  static Vec sqrt(Vec a) { return _mm512_sqrt_ps(a); }
  static Vec round(Vec a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static Vec scale(Vec a, Vec n) { return _mm512_scalef_ps(a, n); }
  static Vec exponent(Vec a) { return _mm512_getexp_ps(a); }
  static Vec mantissa(Vec a) { return _mm512_getmant_ps(a, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src); }
};

struct DoubleLanes {
  using Value = double;
  using Vec = __m512d;
  static constexpr int kCount = 8, kRows = 8;
  static Vec load(const double* x) { return _mm512_loadu_pd(x); }
  static void store(double* x, Vec a) { _mm512_storeu_pd(x, a); }
  static Vec all(double x) { return _mm512_set1_pd(x); }
  static Vec add(Vec a, Vec b) { return _mm512_add_pd(a, b); }
  static Vec sub(Vec a, Vec b) { return _mm512_sub_pd(a, b); }
  static Vec mul(Vec a, Vec b) { return _mm512_mul_pd(a, b); }
  static Vec div(Vec a, Vec b) { return _mm512_div_pd(a, b); }
  static Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_pd(a, b, c); }
  static Vec min(Vec a, Vec b) { return _mm512_min_pd(a, b); }
  static Vec max(Vec a, Vec b) { return _mm512_max_pd(a, b); }
  static Vec abs(Vec a) { return _mm512_abs_pd(a); }
  static Vec sqrt(Vec a) { return _mm512_sqrt_pd(a); }
  static Vec round(Vec a) { return _mm512_roundscale_pd(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static Vec scale(Vec a, Vec n) { return _mm512_scalef_pd(a, n); }
  static Vec exponent(Vec a) { return _mm512_getexp_pd(a); }
  static Vec mantissa(Vec a) { return _mm512_getmant_pd(a, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src); }
};

}  // namespace
}  // namespace alloy::detail
