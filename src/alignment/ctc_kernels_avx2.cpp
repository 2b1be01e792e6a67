// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/ctc_kernels.hpp"

#include <immintrin.h>

namespace alloy::detail {
namespace {

using Vec = __m256d;
using Mask = __m256d;
using Bits = uint16_t;
constexpr int64_t kLanes = 4;
inline Vec load(const double* x) { return _mm256_loadu_pd(x); }
inline void store(double* x, Vec v) { _mm256_storeu_pd(x, v); }
inline Vec all(double x) { return _mm256_set1_pd(x); }
inline Vec add(Vec a, Vec b) { return _mm256_add_pd(a, b); }
inline Vec max_of(Vec a, Vec b) { return _mm256_max_pd(a, b); }
inline Mask is_zero(Vec a) { return _mm256_cmp_pd(a, _mm256_setzero_pd(), _CMP_EQ_OQ); }
inline Vec select(Mask mask, Vec a, Vec b) { return _mm256_blendv_pd(b, a, mask); }
/// a[last], b[0 .. last - 1]
inline Vec shift_in(Vec a, Vec b) { return _mm256_shuffle_pd(_mm256_permute2f128_pd(a, b, 0x21), b, 0b0101); }
/// Bit k: a[k] > b[k].
inline int greater(Vec a, Vec b) { return _mm256_movemask_pd(_mm256_cmp_pd(a, b, _CMP_GT_OQ)); }
/// out[f * 4 kLanes + k] = emissions[rows[k] * kCtcFrames + f] for f, k < kLanes
inline void transpose(const double* emissions, const int32_t* rows, double* out) {
  const auto row = [&](int k) { return load(emissions + rows[k] * kCtcFrames); };
  const Vec r0 = row(0), r1 = row(1), r2 = row(2), r3 = row(3);
  const Vec even01 = _mm256_unpacklo_pd(r0, r1), odd01 = _mm256_unpackhi_pd(r0, r1), even23 = _mm256_unpacklo_pd(r2, r3),
            odd23 = _mm256_unpackhi_pd(r2, r3);
  store(out, _mm256_permute2f128_pd(even01, even23, 0x20));
  store(out + 4 * kLanes, _mm256_permute2f128_pd(odd01, odd23, 0x20));
  store(out + 8 * kLanes, _mm256_permute2f128_pd(even01, even23, 0x31));
  store(out + 12 * kLanes, _mm256_permute2f128_pd(odd01, odd23, 0x31));
}

}  // namespace
}  // namespace alloy::detail

#define ALLOY_KERNEL_TABLE kCtcKernelsAvx2
#define ALLOY_KERNEL_NAME "AVX2"
#include "alignment/detail/ctc_kernels_body.hpp"
