// SPDX-License-Identifier: Apache-2.0
#include "losses/detail/positives.hpp"

#include <algorithm>
#include <unordered_map>

namespace alloy::detail {

Positives::Positives(const PairTargets& targets, int64_t rows, int64_t cols)
    : first_(targets.first),
      cols_(cols),
      leave_out_(targets.leave_out),
      without_self_(targets.leave_out == LeaveOut::self),
      row_share_(static_cast<size_t>(rows)),
      col_share_(static_cast<size_t>(cols)) {
  if (targets.row_ids.defined()) {
    const Tensor r = targets.row_ids.cpu().contiguous(), c = targets.col_ids.cpu().contiguous();
    row_ids_.assign(r.const_data_ptr<int64_t>(), r.const_data_ptr<int64_t>() + rows);
    for (int64_t j = 0; j < cols; ++j) by_id_.emplace_back(c.const_data_ptr<int64_t>()[j], j);
    std::sort(by_id_.begin(), by_id_.end());
    // Counted by id: pairs of the same id are as many as rows times columns.
    std::unordered_map<int64_t, double> row_count, col_count;
    for (const int64_t id : row_ids_) ++row_count[id];
    for (const auto& [id, j] : by_id_) ++col_count[id];
    const auto share = [&](double count, bool itself) { return count - (itself ? 1 : 0) > 0 ? 1 / (count - (itself ? 1 : 0)) : 0; };
    const auto positive_of_itself = [&](int64_t i) { return without_self_ && i < rows && i < cols && row_ids_[static_cast<size_t>(i)] == c.const_data_ptr<int64_t>()[i]; };
    for (int64_t i = 0; i < rows; ++i) row_share_[static_cast<size_t>(i)] = share(col_count[row_ids_[static_cast<size_t>(i)]], positive_of_itself(i));
    for (const auto& [id, j] : by_id_) col_share_[static_cast<size_t>(j)] = share(row_count[id], positive_of_itself(j));
    return;
  }
  visit(0, rows, 0, cols, [&](int64_t i, int64_t j) { row_share_[static_cast<size_t>(i)] = col_share_[static_cast<size_t>(j)] = 1; });
}

std::vector<std::pair<int64_t, int64_t>>::const_iterator Positives::lower_bound(int64_t id, int64_t column) const {
  return std::lower_bound(by_id_.begin(), by_id_.end(), std::pair(id, column));
}

}  // namespace alloy::detail
