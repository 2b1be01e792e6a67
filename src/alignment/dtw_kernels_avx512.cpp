// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/dtw_kernels.hpp"
#include "alignment/detail/lanes_avx512.hpp"

#define ALLOY_KERNEL_TABLE kDtwKernelsAvx512
#define ALLOY_KERNEL_NAME "AVX-512"
#include "alignment/detail/dtw_kernels_body.hpp"
