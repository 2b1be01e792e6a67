// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Every path through a table of costs, one by one: what DTW and soft-DTW are checked against on tiny cases.

#include <cmath>
#include <functional>
#include <vector>

namespace alloy_test {

using Cells = std::vector<std::pair<int64_t, int64_t>>;

/// Calls `visit` with each path from (0, any `begins` allows) to (rows - 1, any `ends` allows) of cells that `inside` allows.
inline void for_each_path(int64_t rows, int64_t columns, const std::function<bool(int64_t, int64_t)>& inside, bool open_begin, bool open_end,
                          const std::function<void(const Cells&)>& visit) {
  Cells cells;
  const std::function<void(int64_t, int64_t)> go = [&](int64_t i, int64_t j) {
    if (i >= rows || j >= columns || !inside(i, j)) return;
    cells.emplace_back(i, j);
    if (i == rows - 1 && (j == columns - 1 || open_end)) visit(cells);
    go(i + 1, j);
    go(i, j + 1);
    go(i + 1, j + 1);
    cells.pop_back();
  };
  for (int64_t j = 0; j < (open_begin ? columns : 1); ++j) go(0, j);
}

/// [rows, columns] of squared distances, or of distances.
inline at::Tensor cost_table(const at::Tensor& x, const at::Tensor& y, bool squared = true) {
  const at::Tensor a = (x.dim() == 2 ? x : x.unsqueeze(1)).to(at::kDouble), b = (y.dim() == 2 ? y : y.unsqueeze(1)).to(at::kDouble);
  const at::Tensor sums = (a.unsqueeze(1) - b.unsqueeze(0)).pow(2).sum(2);
  return squared ? sums : sums.sqrt();
}

inline double path_cost(const at::Tensor& costs, const Cells& path) {
  double sum = 0;
  for (const auto& [i, j] : path) sum += costs[i][j].item<double>();
  return sum;
}

}  // namespace alloy_test
