// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/sinkhorn_kernels.hpp"

namespace alloy::detail {
namespace {

// 16 bytes as a vector of the compiler's own, which every target has.
template <class Scalar, class Integer, int64_t lanes>
struct Lanes {
  using T = Scalar;
  typedef T V __attribute__((vector_size(16)));           // NOLINT(modernize-use-using): an alias loses the attribute of a dependent type
  typedef Integer Ints __attribute__((vector_size(16)));  // NOLINT(modernize-use-using)
  static constexpr int64_t kLanes = lanes;
  static constexpr int kMantissaBits = sizeof(T) == 4 ? 23 : 52;
  static V load(const T* x) {
    V v;
    __builtin_memcpy(&v, x, sizeof v);
    return v;
  }
  static void store(T* x, V v) { __builtin_memcpy(x, &v, sizeof v); }
  static V all(T x) { return V{} + x; }
  static V add(V a, V b) { return a + b; }
  static V sub(V a, V b) { return a - b; }
  static V mul(V a, V b) { return a * b; }
  static V fma(V a, V b, V c) { return a * b + c; }
  static V max(V a, V b) { return a > b ? a : b; }
  static V min(V a, V b) { return a < b ? a : b; }
  static V round(V a) {
    const V magic = all(static_cast<T>(1.5) * static_cast<T>(Integer{1} << kMantissaBits));  // adding it leaves no bits behind the point
    return (a + magic) - magic;
  }
  static V times_power_of_two(V a, V n) {
    Ints exponent;
    for (int64_t i = 0; i < lanes; ++i) exponent[i] = static_cast<Integer>(n[i]);
    return reinterpret_cast<V>(reinterpret_cast<Ints>(a) + exponent * (Integer{1} << kMantissaBits));
  }
  static V zero_below(V a, V x, V limit) { return x < limit ? V{} : a; }
  static T sum(V a) {
    T s = 0;
    for (int64_t i = 0; i < lanes; ++i) s += a[i];
    return s;
  }
  static T largest(V a) {
    T most = a[0];
    for (int64_t i = 1; i < lanes; ++i) most = a[i] > most ? a[i] : most;
    return most;
  }
};
using FloatLanes = Lanes<float, int32_t, 4>;
using DoubleLanes = Lanes<double, int64_t, 2>;

}  // namespace

template <>
const SinkhornKernels<float>& sinkhorn_kernels<float>() {
#if defined(__x86_64__)
  static const SinkhornKernels<float>& best = __builtin_cpu_supports("avx512f")                                 ? kSinkhornFloatAvx512
                                              : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? kSinkhornFloatAvx2
                                                                                                                : kSinkhornFloatBaseline;
  return best;
#else
  return kSinkhornFloatBaseline;
#endif
}
template <>
const SinkhornKernels<double>& sinkhorn_kernels<double>() {
#if defined(__x86_64__)
  static const SinkhornKernels<double>& best = __builtin_cpu_supports("avx512f")                                 ? kSinkhornDoubleAvx512
                                               : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? kSinkhornDoubleAvx2
                                                                                                                 : kSinkhornDoubleBaseline;
  return best;
#else
  return kSinkhornDoubleBaseline;
#endif
}

}  // namespace alloy::detail

#define ALLOY_KERNEL_FLOAT kSinkhornFloatBaseline
#define ALLOY_KERNEL_DOUBLE kSinkhornDoubleBaseline
#define ALLOY_KERNEL_NAME "baseline"
#include "alignment/detail/sinkhorn_kernels_body.hpp"
