// SPDX-License-Identifier: Apache-2.0
#include <alloy/core/random.hpp>

#include <alloy/core/check.hpp>
#include <torch/utils.h>

#include <cmath>
#include <numbers>
#include <numeric>

namespace alloy {

namespace {

constexpr uint64_t kGolden = 0x9e3779b97f4a7c15;

uint64_t finalise(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

void seed_everything(uint64_t seed) { torch::manual_seed(seed); }

uint64_t mix_seed(std::initializer_list<uint64_t> parts) {
  uint64_t state = 0;
  for (const uint64_t part : parts) state = finalise(state + kGolden + finalise(part + kGolden));
  return state;
}

uint64_t Random::next() { return finalise(state_ += kGolden); }
double Random::uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
double Random::uniform(double low, double high) { return low + (high - low) * uniform(); }

int64_t Random::below(int64_t n) {
  check<ConfigError>(n > 0, "[Random::below] expected n > 0, got {}", {n});
  const auto range = static_cast<uint64_t>(n);
  const uint64_t limit = UINT64_MAX - UINT64_MAX % range;  // values from here on would favour small results
  uint64_t value = next();
  while (value >= limit) value = next();
  return static_cast<int64_t>(value % range);
}

double Random::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

std::vector<int64_t> Random::permutation(int64_t n) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  for (int64_t i = n - 1; i > 0; --i) std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(below(i + 1))]);
  return order;
}

}  // namespace alloy
