// SPDX-License-Identifier: Apache-2.0
// The kernels over vectors of ALLOY_VECTOR_BYTES, which the including file defines. No include guard and nothing but our own code
// in here: an inline function of a standard header, compiled for AVX-512, may be the one that the linker keeps for every machine.

namespace alloy::detail {
namespace {

using Vec = float __attribute__((vector_size(ALLOY_VECTOR_BYTES), aligned(4), may_alias));  // may stand anywhere
constexpr int64_t kLanes = ALLOY_VECTOR_BYTES / 4;

void weighted_sum_kernel(const float* const* rows, const float* weights, int64_t count, float* out, int64_t n) {
  int64_t j = 0;
  for (; j + 2 * kLanes <= n; j += 2 * kLanes) {
    Vec a = {}, b = {};
    for (int64_t k = 0; k < count; ++k) {
      a += weights[k] * *reinterpret_cast<const Vec*>(rows[k] + j);
      b += weights[k] * *reinterpret_cast<const Vec*>(rows[k] + j + kLanes);
    }
    *reinterpret_cast<Vec*>(out + j) = a;
    *reinterpret_cast<Vec*>(out + j + kLanes) = b;
  }
  for (; j < n; ++j) {
    float sum = 0;
    for (int64_t k = 0; k < count; ++k) sum += weights[k] * rows[k][j];
    out[j] = sum;
  }
}

void add_scaled_kernel(float* out, const float* x, float weight, int64_t n) {
  int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes) *reinterpret_cast<Vec*>(out + j) += weight * *reinterpret_cast<const Vec*>(x + j);
  for (; j < n; ++j) out[j] += weight * x[j];
}

}  // namespace

const RowKernels ALLOY_KERNEL_TABLE = {ALLOY_KERNEL_NAME, weighted_sum_kernel, add_scaled_kernel};

}  // namespace alloy::detail
