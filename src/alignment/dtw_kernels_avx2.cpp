// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/dtw_kernels.hpp"
#include "alignment/detail/lanes_avx2.hpp"

#define ALLOY_KERNEL_TABLE kDtwKernelsAvx2
#define ALLOY_KERNEL_NAME "AVX2"
#include "alignment/detail/dtw_kernels_body.hpp"
