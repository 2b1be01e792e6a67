// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/row_kernels.hpp"

namespace alloy::detail {

const RowKernels& row_kernels() {
#if defined(__x86_64__)
  static const RowKernels& best = __builtin_cpu_supports("avx512f")                                 ? kRowKernelsAvx512
                                  : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? kRowKernelsAvx2
                                                                                                    : kRowKernelsBaseline;
  return best;
#else
  return kRowKernelsBaseline;
#endif
}

}  // namespace alloy::detail

#define ALLOY_VECTOR_BYTES 16
#define ALLOY_KERNEL_TABLE kRowKernelsBaseline
#define ALLOY_KERNEL_NAME "baseline"
#include "alignment/detail/row_kernels_body.hpp"
