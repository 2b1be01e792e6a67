// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include "alignment/detail/row_kernels.hpp"

using namespace alloy::detail;

TEST_CASE("row kernels agree with plain sums at every length", "[alignment]") {
  std::vector<const RowKernels*> runnable = {&kRowKernelsBaseline};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) runnable.push_back(&kRowKernelsAvx2);
  if (__builtin_cpu_supports("avx512f")) runnable.push_back(&kRowKernelsAvx512);
#endif
  torch::manual_seed(1);
  const at::Tensor rows = torch::randn({5, 100}), weights = torch::randn({5});
  for (const RowKernels* k : runnable) {
    INFO(k->name);
    for (const int64_t n : {1, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, 64, 99})
      for (const int64_t count : {0, 1, 2, 5}) {
        std::vector<const float*> pointers;
        for (int64_t i = 0; i < count; ++i) pointers.push_back(rows.const_data_ptr<float>() + 100 * i + 1);  // not aligned
        at::Tensor out = torch::full({n + 1}, 7.F);
        k->weighted_sum(pointers.data(), weights.const_data_ptr<float>(), count, out.data_ptr<float>(), n);
        const at::Tensor wanted =
            weights.slice(0, 0, count).to(at::kDouble).matmul(rows.slice(0, 0, count).slice(1, 1, n + 1).to(at::kDouble)).to(at::kFloat);
        CHECK_THAT(out.slice(0, 0, n), AllClose(wanted, 1e-6));
        CHECK(out[n].item<float>() == 7.F);
        const at::Tensor before = out.clone();
        k->add_scaled(out.data_ptr<float>(), rows.const_data_ptr<float>() + 1, 0.5F, n);
        CHECK_THAT(out.slice(0, 0, n), AllClose(before.slice(0, 0, n) + 0.5 * rows[0].slice(0, 1, n + 1), 1e-6));
        CHECK(out[n].item<float>() == 7.F);
      }
  }
  CHECK(std::string(row_kernels().name) == runnable.back()->name);
}
