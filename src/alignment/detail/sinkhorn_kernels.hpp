// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The element-wise work of entropic transport on rows of a cost or kernel matrix, compiled for AVX-512, AVX2 and any machine. Exponents are of two:
/// they need one operation less in ten, and whoever calls has a factor to put 1 / ln 2 into.

#include <cstdint>

namespace alloy::detail {

/// Rows that `dots` and `add_rows` take at once.
inline constexpr int64_t kSinkhornRows = 4;

template <class T>
struct SinkhornKernels {
  const char* name;
  /// sums[r] = sum of rows[r stride + j] x[j], r < count <= kSinkhornRows
  void (*dots)(const T* rows, int64_t stride, int64_t count, const T* x, int64_t n, T* sums);
  /// y[j] += sum of factors[r] rows[r stride + j], r < count <= kSinkhornRows
  void (*add_rows)(const T* rows, int64_t stride, int64_t count, const T* factors, T* y, int64_t n);
  /// out[j] = factor k[j] x[j]; returns their sum. out may be k.
  T (*scale_row)(const T* k, const T* x, T factor, T* out, int64_t n);
  /// out[j] = 2^(shift + h[j] - scale c[j]), kept finite; returns their sum.
  T (*exp_row)(const T* c, const T* h, T scale, T shift, T* out, int64_t n);
  /// out[j] = 2^(h[j] - scale c[j] - most), most being the largest of the exponents, which is returned; *sum is their sum.
  T (*softmax_row)(const T* c, const T* h, T scale, T* out, int64_t n, T* sum);
  /// most[j] = max(most[j], shift - scale c[j])
  void (*max_into)(const T* c, T scale, T shift, T* most, int64_t n);
  /// sums[j] += 2^(shift - scale c[j] - most[j])
  void (*exp_sum_into)(const T* c, T scale, T shift, const T* most, T* sums, int64_t n);
  /// Smallest and largest; false if any is NaN or infinite.
  bool (*range)(const T* c, int64_t n, T* least, T* most);
};

extern const SinkhornKernels<float> kSinkhornFloatBaseline;
extern const SinkhornKernels<double> kSinkhornDoubleBaseline;
#if defined(__x86_64__)
extern const SinkhornKernels<float> kSinkhornFloatAvx2, kSinkhornFloatAvx512;
extern const SinkhornKernels<double> kSinkhornDoubleAvx2, kSinkhornDoubleAvx512;
#endif

/// The fastest that this machine runs, T = float or double.
template <class T>
const SinkhornKernels<T>& sinkhorn_kernels();

}  // namespace alloy::detail
