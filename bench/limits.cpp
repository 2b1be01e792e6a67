// SPDX-License-Identifier: Apache-2.0
#include "limits.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>

namespace bench {

namespace {

constexpr int kChains = 12;  // enough independent sums to hide how long each takes
constexpr int64_t kSteps = int64_t{1} << 20;

__attribute__((target("avx512f"))) float multiply_avx512() {
  __m512 sums[kChains];
  for (auto& sum : sums) sum = _mm512_set1_ps(1);
  const __m512 x = _mm512_set1_ps(0.5F);
  for (int64_t i = 0; i < kSteps; ++i)
    for (auto& sum : sums) sum = _mm512_fmadd_ps(sum, x, x);
  float all = 0;
  for (const auto& sum : sums) all += _mm512_cvtss_f32(sum);
  return all;
}

__attribute__((target("avx2,fma"))) float multiply_avx2() {
  __m256 sums[kChains];
  for (auto& sum : sums) sum = _mm256_set1_ps(1);
  const __m256 x = _mm256_set1_ps(0.5F);
  for (int64_t i = 0; i < kSteps; ++i)
    for (auto& sum : sums) sum = _mm256_fmadd_ps(sum, x, x);
  float all = 0;
  for (const auto& sum : sums) all += _mm256_cvtss_f32(sum);
  return all;
}

__attribute__((target("avx2"))) float read_avx2(const float* x, int64_t n) {
  __m256 sums[8];
  for (auto& sum : sums) sum = _mm256_setzero_ps();
  for (int64_t i = 0; i + 64 <= n; i += 64)
    for (int64_t k = 0; k < 8; ++k) sums[k] = _mm256_add_ps(sums[k], _mm256_loadu_ps(x + i + 8 * k));
  float all = 0;
  for (const auto& sum : sums) all += _mm256_cvtss_f32(sum);
  return all;
}

/// The least seconds of a few calls.
template <class F>
double best_seconds(const F& f) {
  double best = 1e300;
  for (int i = 0; i < 8; ++i) {
    const auto began = std::chrono::steady_clock::now();
    const volatile float kept = f();
    static_cast<void>(kept);
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  }
  return best;
}

}  // namespace

MachineLimits machine_limits() {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return {};
  const bool wide = __builtin_cpu_supports("avx512f");
  const double operations = 2.0 * (wide ? 16 : 8) * kChains * kSteps;
  const std::vector<float> values(size_t{1} << 26, 1.0F);  // 256 MB: more than caches hold
  return {.flops = operations / best_seconds(wide ? multiply_avx512 : multiply_avx2),
          .bytes_per_second = 4.0 * static_cast<double>(values.size()) / best_seconds([&] { return read_avx2(values.data(), std::ssize(values)); })};
}

}  // namespace bench

#else

namespace bench {
MachineLimits machine_limits() { return {}; }
}  // namespace bench

#endif
