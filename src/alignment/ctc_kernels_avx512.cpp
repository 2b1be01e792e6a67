// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/ctc_kernels.hpp"

#include <immintrin.h>

namespace alloy::detail {
namespace {

using Vec = __m512d;
using Mask = __mmask8;
using Bits = uint32_t;
constexpr int64_t kLanes = 8;
inline Vec load(const double* x) { return _mm512_loadu_pd(x); }
inline void store(double* x, Vec v) { _mm512_storeu_pd(x, v); }
inline Vec all(double x) { return _mm512_set1_pd(x); }
inline Vec add(Vec a, Vec b) { return _mm512_add_pd(a, b); }
inline Vec max_of(Vec a, Vec b) { return _mm512_max_pd(a, b); }
inline Mask is_zero(Vec a) { return _mm512_cmp_pd_mask(a, _mm512_setzero_pd(), _CMP_EQ_OQ); }
inline Vec select(Mask mask, Vec a, Vec b) { return _mm512_mask_blend_pd(mask, b, a); }
/// a[last], b[0 .. last - 1]
inline Vec shift_in(Vec a, Vec b) { return _mm512_castsi512_pd(_mm512_alignr_epi64(_mm512_castpd_si512(b), _mm512_castpd_si512(a), 7)); }
/// Bit k: a[k] > b[k].
inline Bits greater(Vec a, Vec b) { return _mm512_cmp_pd_mask(a, b, _CMP_GT_OQ); }
/// out[f * 4 kLanes + k] = emissions[rows[k] * kCtcFrames + f] for f, k < kLanes
inline void transpose(const double* emissions, const int32_t* rows, double* out) {
  Vec pairs[kLanes];  // of rows 2 j, 2 j + 1: even frames at 2 j, odd frames at 2 j + 1
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    const Vec a = load(emissions + rows[2 * j] * kCtcFrames), b = load(emissions + rows[2 * j + 1] * kCtcFrames);
    pairs[2 * j] = _mm512_unpacklo_pd(a, b);
    pairs[2 * j + 1] = _mm512_unpackhi_pd(a, b);
  }
#pragma GCC unroll 2
  for (int odd = 0; odd < 2; ++odd) {  // quarters of 128 bits: frames odd, odd + 2, odd + 4, odd + 6
    const Vec p0 = pairs[odd], p1 = pairs[2 + odd], p2 = pairs[4 + odd], p3 = pairs[6 + odd];
    const Vec low01 = _mm512_shuffle_f64x2(p0, p1, 0x44), high01 = _mm512_shuffle_f64x2(p0, p1, 0xEE);  // a0 a1 b0 b1, a2 a3 b2 b3
    const Vec low23 = _mm512_shuffle_f64x2(p2, p3, 0x44), high23 = _mm512_shuffle_f64x2(p2, p3, 0xEE);
    store(out + odd * 4 * kLanes, _mm512_shuffle_f64x2(low01, low23, 0x88));
    store(out + (odd + 2) * 4 * kLanes, _mm512_shuffle_f64x2(low01, low23, 0xDD));
    store(out + (odd + 4) * 4 * kLanes, _mm512_shuffle_f64x2(high01, high23, 0x88));
    store(out + (odd + 6) * 4 * kLanes, _mm512_shuffle_f64x2(high01, high23, 0xDD));
  }
}

}  // namespace
}  // namespace alloy::detail

#define ALLOY_KERNEL_TABLE kCtcKernelsAvx512
#define ALLOY_KERNEL_NAME "AVX-512"
#include "alignment/detail/ctc_kernels_body.hpp"
