// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/dtw_kernels.hpp"
#include "alignment/detail/lanes_baseline.hpp"

namespace alloy::detail {

const DtwKernels& dtw_kernels() {
#if defined(__x86_64__)
  static const DtwKernels& best = __builtin_cpu_supports("avx512f")                                 ? kDtwKernelsAvx512
                                  : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? kDtwKernelsAvx2
                                                                                                    : kDtwKernelsBaseline;
  return best;
#else
  return kDtwKernelsBaseline;
#endif
}

}  // namespace alloy::detail

#define ALLOY_KERNEL_TABLE kDtwKernelsBaseline
#define ALLOY_KERNEL_NAME "baseline"
#include "alignment/detail/dtw_kernels_body.hpp"
