// SPDX-License-Identifier: Apache-2.0
#include "losses/detail/pair_kernels.hpp"

#include <immintrin.h>

namespace alloy::detail {
namespace {

using Vec = __m512;
constexpr int64_t kLanes = 16;
inline Vec load(const float* x) { return _mm512_loadu_ps(x); }
inline void store(float* x, Vec v) { _mm512_storeu_ps(x, v); }
inline Vec all(float x) { return _mm512_set1_ps(x); }
inline Vec add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
inline Vec sub(Vec a, Vec b) { return _mm512_sub_ps(a, b); }
inline Vec mul(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
inline Vec div(Vec a, Vec b) { return _mm512_div_ps(a, b); }
inline Vec fma_of(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
inline Vec max_of(Vec a, Vec b) { return _mm512_max_ps(a, b); }
inline Vec abs_of(Vec a) { return _mm512_abs_ps(a); }
inline Vec round_of(Vec a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline Vec times_power_of_two(Vec a, Vec n) { return _mm512_scalef_ps(a, n); }
inline Vec zero_below(Vec a, Vec x, Vec limit) { return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, limit, _CMP_NLT_UQ), a); }
inline Vec select_positive(Vec condition, Vec a, Vec b) { return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(condition, _mm512_setzero_ps(), _CMP_GE_OQ), b, a); }
inline float sum_of(Vec a) { return _mm512_reduce_add_ps(a); }
inline float largest(Vec a) { return _mm512_reduce_max_ps(a); }

}  // namespace
}  // namespace alloy::detail

#define ALLOY_KERNEL_TABLE kPairKernelsAvx512
#define ALLOY_KERNEL_NAME "AVX-512"
#include "losses/detail/pair_kernels_body.hpp"
