// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/sinkhorn_kernels.hpp"

#include <immintrin.h>

namespace alloy::detail {
namespace {

struct FloatLanes {
  using T = float;
  using V = __m256;
  static constexpr int64_t kLanes = 8;
  static V load(const T* x) { return _mm256_loadu_ps(x); }
  static void store(T* x, V v) { _mm256_storeu_ps(x, v); }
  static V all(T x) { return _mm256_set1_ps(x); }
  static V add(V a, V b) { return _mm256_add_ps(a, b); }
  static V sub(V a, V b) { return _mm256_sub_ps(a, b); }
  static V mul(V a, V b) { return _mm256_mul_ps(a, b); }
  static V fma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }
  static V max(V a, V b) { return _mm256_max_ps(a, b); }
  static V min(V a, V b) { return _mm256_min_ps(a, b); }
  static V round(V a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  /// Through the exponent's bits, for results in the range of normal numbers.
  static V times_power_of_two(V a, V n) {
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a), _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23)));
  }
  static V zero_below(V a, V x, V limit) { return _mm256_and_ps(_mm256_cmp_ps(x, limit, _CMP_NLT_UQ), a); }
  static T sum(V a) {
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
  }
  static T largest(V a) {
    __m128 half = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    half = _mm_max_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
  }
};

struct DoubleLanes {
  using T = double;
  using V = __m256d;
  static constexpr int64_t kLanes = 4;
  static V load(const T* x) { return _mm256_loadu_pd(x); }
  static void store(T* x, V v) { _mm256_storeu_pd(x, v); }
  static V all(T x) { return _mm256_set1_pd(x); }
  static V add(V a, V b) { return _mm256_add_pd(a, b); }
  static V sub(V a, V b) { return _mm256_sub_pd(a, b); }
  static V mul(V a, V b) { return _mm256_mul_pd(a, b); }
  static V fma(V a, V b, V c) { return _mm256_fmadd_pd(a, b, c); }
  static V max(V a, V b) { return _mm256_max_pd(a, b); }
  static V min(V a, V b) { return _mm256_min_pd(a, b); }
  static V round(V a) { return _mm256_round_pd(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static V times_power_of_two(V a, V n) {
    const __m256i exponent = _mm256_slli_epi64(_mm256_cvtepi32_epi64(_mm256_cvtpd_epi32(n)), 52);
    return _mm256_castsi256_pd(_mm256_add_epi64(_mm256_castpd_si256(a), exponent));
  }
  static V zero_below(V a, V x, V limit) { return _mm256_and_pd(_mm256_cmp_pd(x, limit, _CMP_NLT_UQ), a); }
  static T sum(V a) {
    const __m128d half = _mm_add_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));
    return _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)));
  }
  static T largest(V a) {
    const __m128d half = _mm_max_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));
    return _mm_cvtsd_f64(_mm_max_sd(half, _mm_unpackhi_pd(half, half)));
  }
};

}  // namespace
}  // namespace alloy::detail

#define ALLOY_KERNEL_FLOAT kSinkhornFloatAvx2
#define ALLOY_KERNEL_DOUBLE kSinkhornDoubleAvx2
#define ALLOY_KERNEL_NAME "AVX2"
#include "alignment/detail/sinkhorn_kernels_body.hpp"
