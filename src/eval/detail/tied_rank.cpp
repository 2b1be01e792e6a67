// SPDX-License-Identifier: Apache-2.0
#include "eval/detail/tied_rank.hpp"

namespace alloy::detail {

double TiedRank::recall(int64_t k) const {
  double none = 1.0;  // P(M > m)
  for (int64_t m = 1; m <= k - greater && none > 0; ++m) none *= none_right(m);
  return 1.0 - none;
}

double TiedRank::mean() const { return static_cast<double>(greater) + static_cast<double>(tied + 1) / static_cast<double>(right + 1); }

double TiedRank::reciprocal() const {
  double sum = 0.0, none = 1.0;  // P(M > m - 1)
  for (int64_t m = 1; none > 1e-18; ++m) {
    sum += none * (1.0 - none_right(m)) / static_cast<double>(greater + m);
    none *= none_right(m);
  }
  return sum;
}

}  // namespace alloy::detail
