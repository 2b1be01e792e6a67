// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/row_kernels.hpp"

#define ALLOY_VECTOR_BYTES 64
#define ALLOY_KERNEL_TABLE kRowKernelsAvx512
#define ALLOY_KERNEL_NAME "AVX-512"
#include "alignment/detail/row_kernels_body.hpp"
