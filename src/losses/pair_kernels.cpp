// SPDX-License-Identifier: Apache-2.0
#include "losses/detail/pair_kernels.hpp"

namespace alloy::detail {
namespace {

// Four lanes as a vector of the compiler's own, which every target has.
using Vec = float __attribute__((vector_size(16)));
using Ints = int32_t __attribute__((vector_size(16)));
constexpr int64_t kLanes = 4;
inline Vec load(const float* x) { return Vec{x[0], x[1], x[2], x[3]}; }
inline void store(float* x, Vec v) {
  for (int i = 0; i < 4; ++i) x[i] = v[i];
}
inline Vec all(float x) { return Vec{x, x, x, x}; }
inline Vec add(Vec a, Vec b) { return a + b; }
inline Vec sub(Vec a, Vec b) { return a - b; }
inline Vec mul(Vec a, Vec b) { return a * b; }
inline Vec div(Vec a, Vec b) { return a / b; }
inline Vec fma_of(Vec a, Vec b, Vec c) { return a * b + c; }
inline Vec max_of(Vec a, Vec b) { return a > b ? a : b; }
inline Vec abs_of(Vec a) { return a < 0.0F ? -a : a; }
inline Vec round_of(Vec a) {
  const Vec magic = all(12582912.0F);  // 1.5 * 2^23: adding it leaves no bits behind the point
  return (a + magic) - magic;
}
inline Vec times_power_of_two(Vec a, Vec n) {
  const Ints exponent = {static_cast<int32_t>(n[0]), static_cast<int32_t>(n[1]), static_cast<int32_t>(n[2]), static_cast<int32_t>(n[3])};
  return reinterpret_cast<Vec>(reinterpret_cast<Ints>(a) + exponent * (1 << 23));
}
inline Vec zero_below(Vec a, Vec x, Vec limit) { return x < limit ? all(0.0F) : a; }
inline Vec select_positive(Vec condition, Vec a, Vec b) { return condition >= 0.0F ? a : b; }
inline float sum_of(Vec a) { return (a[0] + a[1]) + (a[2] + a[3]); }
inline float largest(Vec a) {
  const float x = a[0] > a[1] ? a[0] : a[1], y = a[2] > a[3] ? a[2] : a[3];
  return x > y ? x : y;
}

}  // namespace

const PairKernels& pair_kernels() {
#if defined(__x86_64__)
  static const PairKernels& best = __builtin_cpu_supports("avx512f") ? kPairKernelsAvx512
                                   : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? kPairKernelsAvx2
                                                                                                      : kPairKernelsBaseline;
  return best;
#else
  return kPairKernelsBaseline;
#endif
}

}  // namespace alloy::detail

#define ALLOY_KERNEL_TABLE kPairKernelsBaseline
#define ALLOY_KERNEL_NAME "baseline"
#include "losses/detail/pair_kernels_body.hpp"
