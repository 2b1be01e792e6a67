// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "losses/detail/pair_tiles.hpp"

#include <algorithm>
#include <limits>
#include <vector>

namespace alloy::detail {

/// Finds the positives of a tile without looking at every pair.
class Positives {
 public:
  using LeaveOut = PairTargets::LeaveOut;
  Positives(const PairTargets& targets, int64_t rows, int64_t cols);

  /// Calls `visit(i, j)` for each positive in rows [i0, i1) and columns [j0, j1).
  template <class Visit>
  void visit(int64_t i0, int64_t i1, int64_t j0, int64_t j1, const Visit& visit) const {
    for (int64_t i = i0; i < i1; ++i) {
      if (row_ids_.empty()) {
        const int64_t j = first_ + i;
        if (j >= j0 && j < j1 && j < cols_ && !(without_self_ && j == i)) visit(i, j);
        continue;
      }
      const int64_t id = row_ids_[static_cast<size_t>(i)];
      for (auto at = lower_bound(id, j0); at != by_id_.end() && at->first == id && at->second < j1; ++at)
        if (!(without_self_ && at->second == i)) visit(i, at->second);
    }
  }

  /// Sets what the sums leave out to -inf in a tile of row-major products.
  template <class T>
  void mask(T* tile, int64_t i0, int64_t i1, int64_t j0, int64_t j1) const {
    const auto hide = [&](int64_t i, int64_t j) { tile[(i - i0) * (j1 - j0) + j - j0] = -std::numeric_limits<T>::infinity(); };
    if (leave_out_ == LeaveOut::positives) visit(i0, i1, j0, j1, hide);
    if (leave_out_ == LeaveOut::self)
      for (int64_t i = std::max(i0, j0); i < std::min(i1, j1); ++i) hide(i, i);
  }

  /// 1 / (number of positives) of each row and column, 0 where there are none.
  const std::vector<double>& row_share() const { return row_share_; }
  const std::vector<double>& col_share() const { return col_share_; }

 private:
  std::vector<std::pair<int64_t, int64_t>>::const_iterator lower_bound(int64_t id, int64_t column) const;
  int64_t first_, cols_;
  LeaveOut leave_out_;
  bool without_self_;
  std::vector<int64_t> row_ids_;
  std::vector<std::pair<int64_t, int64_t>> by_id_;  // (id, column), sorted
  std::vector<double> row_share_, col_share_;
};

}  // namespace alloy::detail
