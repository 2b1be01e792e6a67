// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/ctc_kernels.hpp"

namespace alloy::detail {
namespace {

// Two lanes as a vector of the compiler's own, which every target has.
using Vec = double __attribute__((vector_size(16)));
using Mask = int64_t __attribute__((vector_size(16)));
using Bits = uint8_t;
constexpr int64_t kLanes = 2;
inline Vec load(const double* x) { return Vec{x[0], x[1]}; }
inline void store(double* x, Vec v) {
  x[0] = v[0];
  x[1] = v[1];
}
inline Vec all(double x) { return Vec{x, x}; }
inline Vec add(Vec a, Vec b) { return a + b; }
inline Vec max_of(Vec a, Vec b) { return a > b ? a : b; }
inline Mask is_zero(Vec a) { return a == 0.0; }
inline Vec select(Mask mask, Vec a, Vec b) { return mask ? a : b; }
/// a[last], b[0 .. last - 1]
inline Vec shift_in(Vec a, Vec b) { return Vec{a[1], b[0]}; }
/// Bit k: a[k] > b[k].
inline int greater(Vec a, Vec b) { return (a[0] > b[0] ? 1 : 0) | (a[1] > b[1] ? 2 : 0); }
/// out[f * 4 kLanes + k] = emissions[rows[k] * kCtcFrames + f] for f, k < kLanes
inline void transpose(const double* emissions, const int32_t* rows, double* out) {
  for (int64_t k = 0; k < kLanes; ++k)
    for (int64_t f = 0; f < kLanes; ++f) out[f * 4 * kLanes + k] = emissions[rows[k] * kCtcFrames + f];
}

}  // namespace

const CtcKernels& ctc_kernels() {
#if defined(__x86_64__)
  static const CtcKernels& best = __builtin_cpu_supports("avx512f") ? kCtcKernelsAvx512
                                  : __builtin_cpu_supports("avx2")  ? kCtcKernelsAvx2
                                                                    : kCtcKernelsBaseline;
  return best;
#else
  return kCtcKernelsBaseline;
#endif
}

}  // namespace alloy::detail

#define ALLOY_KERNEL_TABLE kCtcKernelsBaseline
#define ALLOY_KERNEL_NAME "baseline"
#include "alignment/detail/ctc_kernels_body.hpp"
