// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Sums of weighted rows, compiled for AVX-512, AVX2 and any machine.

#include <cstdint>

namespace alloy::detail {

struct RowKernels {
  const char* name;
  /// out[j] = sum over k of weights[k] rows[k][j]; zeros without rows
  void (*weighted_sum)(const float* const* rows, const float* weights, int64_t count, float* out, int64_t n);
  /// out[j] += weight x[j]
  void (*add_scaled)(float* out, const float* x, float weight, int64_t n);
};

extern const RowKernels kRowKernelsBaseline;
#if defined(__x86_64__)
extern const RowKernels kRowKernelsAvx2, kRowKernelsAvx512;
#endif

/// The fastest that this machine runs.
const RowKernels& row_kernels();

}  // namespace alloy::detail
