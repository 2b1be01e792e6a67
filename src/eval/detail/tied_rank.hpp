// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The place of the best right item of a query when items of equal score stand in random order.

#include <compare>
#include <cstdint>

namespace alloy::detail {

/// Note [Ties]: scores that are equal say nothing about order, so a metric is its expectation over all orders of what is
/// tied (McSherry & Najork 2008, "Computing Information Retrieval Performance Measures Efficiently in the Presence of Tied
/// Scores"). A model that gives every item the same score then gets exactly what chance gets, whatever the order of the
/// data. Let g items score higher than the best right one, t the same, r of those t right, and M = 1..t-r+1 be the first
/// right place among the t. Then P(M > m) = C(t-r, m) / C(t, m), the product over j < m of (t-r-j) / (t-j).
struct TiedRank {
  int64_t greater = 0;  ///< g
  int64_t tied = 1;     ///< t >= r
  int64_t right = 1;    ///< r >= 1

  /// P(g + M <= k)
  double recall(int64_t k) const;
  /// E[g + M] = g + (t + 1) / (r + 1)
  double mean() const;
  /// E[1 / (g + M)]
  double reciprocal() const;

  /// P(M > m | M > m - 1) = (t-r-m+1) / (t-m+1), 0 from m = t-r+1 on
  double none_right(int64_t m) const { return m > tied - right ? 0.0 : static_cast<double>(tied - right - m + 1) / static_cast<double>(tied - m + 1); }

  auto operator<=>(const TiedRank&) const = default;
};

}  // namespace alloy::detail
