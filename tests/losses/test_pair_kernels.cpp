// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include "losses/detail/pair_kernels.hpp"

#include <cmath>
#include <limits>

using namespace alloy::detail;

namespace {

std::vector<const PairKernels*> runnable() {
  std::vector<const PairKernels*> all = {&kPairKernelsBaseline};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) all.push_back(&kPairKernelsAvx2);
  if (__builtin_cpu_supports("avx512f")) all.push_back(&kPairKernelsAvx512);
#endif
  return all;
}

std::vector<float> values(int64_t n, float low, float high, uint64_t seed) {
  torch::manual_seed(seed);
  const at::Tensor t = torch::rand({n}) * (high - low) + low;
  return {t.const_data_ptr<float>(), t.const_data_ptr<float>() + n};
}

}  // namespace

TEST_CASE("pair kernels agree with the standard library at every length", "[losses]") {
  // A difference of about 50 is known to 2e-6 in float, and so is its exponential.
  for (const PairKernels* k : runnable()) {
    INFO(k->name);
    for (const int64_t n : {1, 3, 4, 7, 8, 15, 16, 17, 33, 100}) {
      INFO(n);
      const auto x = values(n, -30, 20, 1), w = values(n, 0, 1, 2), shifts = values(n, 20, 30, 3);
      CHECK(k->max(x.data(), n) == *std::max_element(x.begin(), x.end()));
      double sum = 0, loss = 0;
      for (const float v : x) sum += std::exp(static_cast<double>(v) - 20);
      CHECK_THAT(k->exp_sum(x.data(), n, 20), WithinRel(static_cast<float>(sum), 2e-6F));
      std::vector<float> most(w), sums(w), grads(x), soft(x);
      k->max_into(x.data(), most.data(), n);
      k->exp_sum_into(x.data(), shifts.data(), sums.data(), n);
      k->softmax_gradient(grads.data(), 0.3F, 21, w.data(), shifts.data(), n);
      const float given = k->softplus_gradient(soft.data(), -4, 0.25F, w.data(), n);
      for (size_t j = 0; j < x.size(); ++j) {
        const double v = x[j], z = v - 4, weight = 0.25 + w[j];
        CHECK(most[j] == std::max(w[j], x[j]));
        CHECK_THAT(sums[j], WithinRel(static_cast<float>(w[j] + std::exp(v - shifts[j])), 6e-6F));
        CHECK_THAT(grads[j], WithinRel(static_cast<float>(0.3 * std::exp(v - 21) + w[j] * std::exp(v - shifts[j])), 6e-6F));
        CHECK_THAT(soft[j], WithinRel(static_cast<float>(weight / (1 + std::exp(-z))), 2e-6F));
        loss += weight * (std::max(z, 0.0) + std::log1p(std::exp(-std::abs(z))));
      }
      CHECK_THAT(given, WithinRel(static_cast<float>(loss), 3e-6F));
    }
  }
}

TEST_CASE("pair kernels at the edges of numbers", "[losses]") {
  constexpr float kInf = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();
  for (const PairKernels* k : runnable()) {
    INFO(k->name);
    const std::vector<float> left_out(19, -kInf), far(19, -1e4F);
    CHECK(k->max(left_out.data(), 19) == -kInf);
    CHECK(k->exp_sum(left_out.data(), 19, 0) == 0);
    CHECK(k->exp_sum(far.data(), 19, 0) == 0);
    for (const size_t place : {0, 7, 16, 18}) {  // NaN is never lost
      std::vector<float> x(19, 1), w(19, 1), shifts(19, 1), sums(19);
      x[place] = kNan;
      CHECK(std::isnan(k->exp_sum(x.data(), 19, 1)));
      k->exp_sum_into(x.data(), shifts.data(), sums.data(), 19);
      CHECK(std::isnan(sums[place]));
      auto grads = x;
      k->softmax_gradient(grads.data(), 1, 1, w.data(), shifts.data(), 19);
      CHECK(std::isnan(grads[place]));
      CHECK(std::isnan(k->softplus_gradient(x.data(), 0, 1, w.data(), 19)));
      CHECK(std::isnan(x[place]));
    }
    std::vector<float> x = {100, -100, 0}, w = {0, 0, 0};  // no overflow, no loss of tiny values
    CHECK_THAT(k->softplus_gradient(x.data(), 0, 1, w.data(), 3), WithinRel(100.0F + std::log(2.0F), 1e-6F));
    CHECK(x[0] == 1);
    x = {-15};
    CHECK_THAT(k->softplus_gradient(x.data(), 0, 1, w.data(), 1), WithinRel(std::log1p(std::exp(-15.0F)), 1e-6F));
  }
}
