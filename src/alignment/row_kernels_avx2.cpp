// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/row_kernels.hpp"

#define ALLOY_VECTOR_BYTES 32
#define ALLOY_KERNEL_TABLE kRowKernelsAvx2
#define ALLOY_KERNEL_NAME "AVX2"
#include "alignment/detail/row_kernels_body.hpp"
