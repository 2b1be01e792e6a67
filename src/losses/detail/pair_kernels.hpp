// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The element-wise work on one row of a tile of similarities, compiled for AVX-512, AVX2 and any machine.

#include <cstdint>

namespace alloy::detail {

struct PairKernels {
  const char* name;
  /// The largest of x.
  float (*max)(const float* x, int64_t n);
  /// Sum of exp(x - shift).
  float (*exp_sum)(const float* x, int64_t n, float shift);
  /// most[j] = max(most[j], x[j])
  void (*max_into)(const float* x, float* most, int64_t n);
  /// sums[j] += exp(x[j] - shifts[j])
  void (*exp_sum_into)(const float* x, const float* shifts, float* sums, int64_t n);
  /// x[j] = g exp(x[j] - shift) + h[j] exp(x[j] - shifts[j])
  void (*softmax_gradient)(float* x, float g, float shift, const float* h, const float* shifts, int64_t n);
  /// Sum of (v + w[j]) log(1 + exp(x[j] + bias)); x[j] = (v + w[j]) / (1 + exp(-x[j] - bias)), its derivative.
  float (*softplus_gradient)(float* x, float bias, float v, const float* w, int64_t n);
};

extern const PairKernels kPairKernelsBaseline;
#if defined(__x86_64__)
extern const PairKernels kPairKernelsAvx2, kPairKernelsAvx512;
#endif

/// The fastest that this machine runs.
const PairKernels& pair_kernels();

}  // namespace alloy::detail
