// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Randomness by explicit seed. `Random` gives the same numbers on every machine and standard library, which
/// `std::normal_distribution` and its kin do not promise; LibTorch's own generator is seeded by `seed_everything`.

#include <alloy/core/export.hpp>

#include <cstdint>
#include <initializer_list>
#include <vector>

namespace alloy {

/// Seeds LibTorch's default generators: weights and dropout.
ALLOY_API void seed_everything(uint64_t seed);

/// One seed out of several numbers (run seed, epoch, sample ...), well mixed; the order of the parts matters.
ALLOY_API uint64_t mix_seed(std::initializer_list<uint64_t> parts);

/// A small generator (SplitMix64; Steele et al. 2014). Not for cryptography; not thread safe, make one a thread.
class ALLOY_API Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next();
  double uniform();                        ///< [0, 1)
  double uniform(double low, double high);  ///< [low, high)
  int64_t below(int64_t n);                ///< 0 .. n-1, unbiased; n > 0
  double normal();                         ///< mean 0, variance 1 (Box-Muller)
  bool chance(double probability) { return uniform() < probability; }
  /// 0 .. n-1 in random order.
  std::vector<int64_t> permutation(int64_t n);

 private:
  uint64_t state_;
};

}  // namespace alloy
