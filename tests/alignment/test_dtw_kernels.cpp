// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include "alignment/detail/dtw_lanes.hpp"
#include "alignment/detail/soft_dtw_lanes.hpp"

#include <numeric>

using namespace alloy;
using namespace alloy::detail;

namespace {

std::vector<const DtwKernels*> runnable() {
  std::vector<const DtwKernels*> all = {&kDtwKernelsBaseline};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) all.push_back(&kDtwKernelsAvx2);
  if (__builtin_cpu_supports("avx512f")) all.push_back(&kDtwKernelsAvx512);
#endif
  return all;
}

/// Pairs of series of different lengths.
template <class T>
struct Pairs {
  std::vector<Tensor> x, y;
  int64_t width;
  Pairs(int64_t count, int64_t least, int64_t width_in, uint64_t seed) : width(width_in) {
    torch::manual_seed(seed);
    for (int64_t n = 0; n < count; ++n) {
      x.push_back(torch::randn({least + n * 5 % 11, width}, c10::CppTypeToScalarType<T>::value));
      y.push_back(torch::randn({least + n * 3 % 11, width}, c10::CppTypeToScalarType<T>::value));
    }
  }
  static Lane<T> lane(const Tensor& s) { return {s.const_data_ptr<T>(), s.size(0)}; }

  std::vector<double> distances(const DtwKernels& kernels, const DtwOptions& options) const {
    DtwLanes<T> lanes(options, width, kernels);
    std::vector<double> all;
    for (size_t begin = 0; begin < x.size(); begin += static_cast<size_t>(lanes.lanes())) {
      std::vector<Lane<T>> a, b;
      for (size_t n = begin; n < std::min(x.size(), begin + static_cast<size_t>(lanes.lanes())); ++n)
        a.push_back(lane(x[n])), b.push_back(lane(y[n]));
      std::vector<T> out(a.size());
      lanes.run(a, b, -1, out.data(), [](int64_t) {});
      all.insert(all.end(), out.begin(), out.end());
    }
    return all;
  }

  /// Values, then all gradients, then all alignments.
  std::vector<double> soft(const DtwKernels& kernels, double gamma, int64_t radius) const {
    SoftDtwLanes<T> lanes(gamma, radius, width, kernels);
    std::vector<double> values, rest;
    for (size_t n = 0; n < x.size(); ++n) {  // one by one: lanes that are free change nothing
      const auto type = x[n].options();
      const Tensor gx = torch::zeros_like(x[n]), gy = torch::zeros_like(y[n]), alignment = torch::zeros({x[n].size(0), y[n].size(0)}, type);
      const SoftLane<T> pair{lane(x[n]),  lane(y[n]), gx.mutable_data_ptr<T>(), gy.mutable_data_ptr<T>(), alignment.mutable_data_ptr<T>(),
                             y[n].size(0)};
      T out = 0;
      lanes.run({&pair, 1}, &out);
      values.push_back(out);
      for (const Tensor& t : {gx, gy, alignment}) rest.insert(rest.end(), t.const_data_ptr<T>(), t.const_data_ptr<T>() + t.numel());
    }
    values.insert(values.end(), rest.begin(), rest.end());
    return values;
  }
};

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double most = 0, scale = 0;
  for (size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i])), scale = std::max(scale, std::abs(b[i]));
  return most / scale;
}

template <class T>
void check_levels(double tolerance) {
  for (const int64_t width : {1, 3}) {
    const Pairs<T> pairs(37, 21, width, 5);
    for (const DtwOptions& o : {DtwOptions{}, DtwOptions{.cost = DtwCost::euclidean}, DtwOptions{.radius = 10}, DtwOptions{.ends = DtwEnds::open}}) {
      const auto expected = pairs.distances(kDtwKernelsBaseline, o);
      for (size_t n = 0; n < expected.size(); ++n) CHECK_THAT(expected[n], WithinRel(dtw(pairs.x[n], pairs.y[n], o).distance, tolerance));
      for (const DtwKernels* k : runnable()) {
        INFO(k->name << " width " << width << " radius " << o.radius);
        CHECK(largest_difference(pairs.distances(*k, o), expected) <= tolerance);
      }
    }
    for (const double gamma : {0.01, 1.0, 30.0})
      for (const int64_t radius : {-1, 10}) {
        const auto expected = pairs.soft(kDtwKernelsBaseline, gamma, radius);
        for (const DtwKernels* k : runnable()) {
          INFO(k->name << " width " << width << " gamma " << gamma << " radius " << radius);
          CHECK(largest_difference(pairs.soft(*k, gamma, radius), expected) <=
                (gamma < 0.1 ? 100 : 4) * tolerance);  // shares of a cell hang on differences over gamma
        }
      }
  }
}

}  // namespace

TEST_CASE("kernels of DTW agree on every machine", "[alignment]") {
  CHECK(runnable().back() == &dtw_kernels());
  SECTION("float") { check_levels<float>(1e-6); }
  SECTION("double") { check_levels<double>(1e-14); }
}

TEST_CASE("series side by side", "[alignment]") {
  const std::vector<float> a = {1, 2, 3, 4, 5, 6}, b = {7, 8};
  std::vector<float> out(2 * 2 * 4);
  interleave<float>(std::vector<Lane<float>>{{a.data(), 3}, {b.data(), 1}}, 2, 4, out.data());
  CHECK(out == std::vector<float>{1, 7, 2, 8, 3, 7, 4, 8, 5, 7, 6, 8, 5, 7, 6, 8});
}
