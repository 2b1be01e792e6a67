// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/sinkhorn_kernels.hpp"

#include <immintrin.h>

namespace alloy::detail {
namespace {

struct FloatLanes {
  using T = float;
  using V = __m512;
  static constexpr int64_t kLanes = 16;
  static V load(const T* x) { return _mm512_loadu_ps(x); }
  static void store(T* x, V v) { _mm512_storeu_ps(x, v); }
  static V all(T x) { return _mm512_set1_ps(x); }
  static V add(V a, V b) { return _mm512_add_ps(a, b); }
  static V sub(V a, V b) { return _mm512_sub_ps(a, b); }
  static V mul(V a, V b) { return _mm512_mul_ps(a, b); }
  static V fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
  static V max(V a, V b) { return _mm512_max_ps(a, b); }
  static V min(V a, V b) { return _mm512_min_ps(a, b); }
  static V round(V a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static V times_power_of_two(V a, V n) { return _mm512_scalef_ps(a, n); }
  static V zero_below(V a, V x, V limit) { return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, limit, _CMP_NLT_UQ), a); }
  static T sum(V a) { return _mm512_reduce_add_ps(a); }
  static T largest(V a) { return _mm512_reduce_max_ps(a); }
};

struct DoubleLanes {
  using T = double;
  using V = __m512d;
  static constexpr int64_t kLanes = 8;
  static V load(const T* x) { return _mm512_loadu_pd(x); }
  static void store(T* x, V v) { _mm512_storeu_pd(x, v); }
  static V all(T x) { return _mm512_set1_pd(x); }
  static V add(V a, V b) { return _mm512_add_pd(a, b); }
  static V sub(V a, V b) { return _mm512_sub_pd(a, b); }
  static V mul(V a, V b) { return _mm512_mul_pd(a, b); }
  static V fma(V a, V b, V c) { return _mm512_fmadd_pd(a, b, c); }
  static V max(V a, V b) { return _mm512_max_pd(a, b); }
  static V min(V a, V b) { return _mm512_min_pd(a, b); }
  static V round(V a) { return _mm512_roundscale_pd(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static V times_power_of_two(V a, V n) { return _mm512_scalef_pd(a, n); }
  static V zero_below(V a, V x, V limit) { return _mm512_maskz_mov_pd(_mm512_cmp_pd_mask(x, limit, _CMP_NLT_UQ), a); }
  static T sum(V a) { return _mm512_reduce_add_pd(a); }
  static T largest(V a) { return _mm512_reduce_max_pd(a); }
};

}  // namespace
}  // namespace alloy::detail

#define ALLOY_KERNEL_FLOAT kSinkhornFloatAvx512
#define ALLOY_KERNEL_DOUBLE kSinkhornDoubleAvx512
#define ALLOY_KERNEL_NAME "AVX-512"
#include "alignment/detail/sinkhorn_kernels_body.hpp"
