// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A vector of float and one of double, with the operations that the kernels of this folder are written in: one pair of series a lane.
/// This is the one for every machine, by the compiler's own vectors; lanes_avx2.hpp and lanes_avx512.hpp define the same names. Kernel
/// files include one of them, and nothing of the standard library that could carry their instructions into other files.

#include <cstdint>

namespace alloy::detail {
namespace {

/// Shared by both types. Bits are the integers of the same width; kPlaces the bits of the fraction, kBias that of the exponent.
template <class T, class BitsOf, int kPlaces, int kBias>
struct BaselineLanes {
  using Value = T;
  using Vec [[gnu::vector_size(16)]] = T;
  using Bits [[gnu::vector_size(16)]] = BitsOf;
  static constexpr int kCount = 16 / sizeof(T);
  static constexpr int kRows = 4;                     ///< rows of the table that are worked on together: as many as registers allow
  static constexpr T kOne = T(BitsOf{1} << kPlaces);  ///< adding it leaves an integer in the lowest bits

  static Vec load(const T* x) {
    Vec a;
    __builtin_memcpy(&a, x, sizeof a);
    return a;
  }
  static void store(T* x, Vec a) { __builtin_memcpy(x, &a, sizeof a); }
  static Vec all(T x) { return x - Vec{}; }
  static Vec add(Vec a, Vec b) { return a + b; }
  static Vec sub(Vec a, Vec b) { return a - b; }
  static Vec mul(Vec a, Vec b) { return a * b; }
  static Vec div(Vec a, Vec b) { return a / b; }
  static Vec fma(Vec a, Vec b, Vec c) { return a * b + c; }
  static Vec min(Vec a, Vec b) { return a < b ? a : b; }
  static Vec max(Vec a, Vec b) { return a > b ? a : b; }
  static Vec abs(Vec a) { return a < 0 ? -a : a; }
  static Vec sqrt(Vec a) {
    for (int i = 0; i < kCount; ++i) a[i] = sizeof(T) == 4 ? T(__builtin_sqrtf(float(a[i]))) : T(__builtin_sqrt(double(a[i])));
    return a;
  }
  /// To the nearest integer, for |a| < 2^(kPlaces - 1); larger values are integers already, or as good as.
  static Vec round(Vec a) {
    const Vec magic = all(T(1.5) * kOne);
    return abs(a) < T(0.25) * kOne ? (a + magic) - magic : a;
  }
  /// a 2^n for integers n <= 0; 0 where that is too small for a normal number.
  static Vec scale(Vec a, Vec n) {
    const Vec place = max(n, all(-kBias)) + all(T(1.5) * kOne + kBias);
    return a * reinterpret_cast<Vec>(reinterpret_cast<Bits>(place) << kPlaces);
  }
  /// The n of a = m 2^n, 1 <= m < 2, and the m, of normal numbers a > 0.
  static Vec exponent(Vec a) {
    const Bits bits = reinterpret_cast<Bits>(a) >> kPlaces;
    return reinterpret_cast<Vec>(bits | reinterpret_cast<Bits>(all(kOne))) - all(kOne + kBias);
  }
  static Vec mantissa(Vec a) {
    const Bits fraction = reinterpret_cast<Bits>(a) & ((BitsOf{1} << kPlaces) - 1);
    return reinterpret_cast<Vec>(fraction | reinterpret_cast<Bits>(all(1)));
  }
};
using FloatLanes = BaselineLanes<float, int32_t, 23, 127>;
using DoubleLanes = BaselineLanes<double, int64_t, 52, 1023>;

}  // namespace
}  // namespace alloy::detail
