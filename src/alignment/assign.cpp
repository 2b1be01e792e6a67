// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/assign.hpp>

#include <ATen/Functions.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace alloy {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int64_t kNone = -1;

/// Rows <= columns; costs of rows [rows, columns]. Duals (u, v) keep all reduced costs c - u - v >= 0 and those of matched pairs 0.
class Matching {
 public:
  Matching(const double* costs, int64_t rows, int64_t columns)
      : costs_(costs),
        rows_(rows),
        columns_(columns),
        u_(size(rows), 0),
        v_(size(columns), 0),
        column_of_(size(rows), kNone),
        row_of_(size(columns), kNone) {}

  /// @return the first row for which no column is left, or kNone
  int64_t solve() {
    for (int64_t row = 0; row < rows_; ++row)
      if (!augment(row)) return row;
    return kNone;
  }
  const std::vector<int64_t>& columns() const { return column_of_; }

 private:
  static size_t size(int64_t n) { return static_cast<size_t>(n); }

  /// Dijkstra over columns from a free row to the nearest free column, then the matching is flipped along the path.
  bool augment(int64_t free_row) {
    std::vector<double> distance(size(columns_), kInfinity);
    std::vector<int64_t> before(size(columns_), kNone);  // the row from which a column is reached
    std::vector<char> done(size(columns_), 0);
    std::vector<int64_t> reached_rows;
    int64_t row = free_row, sink = kNone;
    double lowest = 0;
    while (sink == kNone) {
      reached_rows.push_back(row);
      int64_t next = kNone;
      double least = kInfinity;
      for (int64_t j = 0; j < columns_; ++j) {
        const size_t at = size(j);
        if (done[at]) continue;
        const double through = lowest + costs_[row * columns_ + j] - u_[size(row)] - v_[at];
        if (through < distance[at]) distance[at] = through, before[at] = row;
        // of equal columns a free one: the path ends there
        if (distance[at] < least || (distance[at] == least && least < kInfinity && row_of_[at] == kNone)) least = distance[at], next = j;
      }
      if (next == kNone) return false;
      lowest = least;
      done[size(next)] = 1;
      if (row_of_[size(next)] == kNone) sink = next;
      else row = row_of_[size(next)];
    }
    u_[size(free_row)] += lowest;
    for (const int64_t r : reached_rows)
      if (r != free_row) u_[size(r)] += lowest - distance[size(column_of_[size(r)])];
    for (int64_t j = 0; j < columns_; ++j)
      if (done[size(j)]) v_[size(j)] -= lowest - distance[size(j)];
    for (int64_t column = sink;;) {
      const int64_t r = before[size(column)];
      row_of_[size(column)] = r;
      std::swap(column_of_[size(r)], column);
      if (r == free_row) return true;
    }
  }

  const double* costs_;
  int64_t rows_, columns_;
  std::vector<double> u_, v_;
  std::vector<int64_t> column_of_, row_of_;
};

/// The column of each row, kNone for rows without one. @param costs  [N, M] double, contiguous, in which infinity forbids
std::vector<int64_t> columns_of(const Tensor& costs, std::string_view where) {
  const bool wide = costs.size(0) <= costs.size(1);
  const Tensor ordered = wide ? costs : costs.t().contiguous();
  Matching matching(ordered.const_data_ptr<double>(), ordered.size(0), ordered.size(1));
  const int64_t stuck = matching.solve();
  check<DataError>(stuck == kNone, "[{}] expected an assignment of {} pairs, got forbidden pairs that leave none for {} {}; allow more pairs",
                   {where, ordered.size(0), wide ? "row" : "column", stuck});
  if (wide) return matching.columns();
  std::vector<int64_t> out(static_cast<size_t>(costs.size(0)), kNone);
  for (size_t column = 0; column < matching.columns().size(); ++column)
    out[static_cast<size_t>(matching.columns()[column])] = static_cast<int64_t>(column);
  return out;
}

/// Costs to be least, in double; refuses what is no cost.
Tensor as_costs(const Tensor& given, AssignGoal goal, std::string_view where) {
  check_floating(given, where, "costs");
  const Tensor values = given.detach().to(at::kCPU, at::kDouble), costs = (goal == AssignGoal::least_cost ? values : -values).contiguous();
  check<DataError>(costs.isnan().any().logical_not().item<bool>(), "[{}] expected costs without NaN, got some", {where});
  check<DataError>(costs.eq(-kInfinity).any().logical_not().item<bool>(),
                   "[{}] expected costs that are finite or forbid, got a pair that is infinitely good", {where});
  return costs;
}

}  // namespace

Assignment assign(const Tensor& costs, AssignGoal goal) {
  check_shape(costs, {-1, -1}, "assign", "costs");
  const std::vector<int64_t> partner = columns_of(as_costs(costs, goal, "assign"), "assign");
  std::vector<int64_t> rows, columns;
  for (size_t i = 0; i < partner.size(); ++i)
    if (partner[i] != kNone) rows.push_back(static_cast<int64_t>(i)), columns.push_back(partner[i]);
  Assignment out{.rows = at::tensor(rows, at::kLong), .columns = at::tensor(columns, at::kLong)};
  if (!rows.empty()) out.total = costs.detach().to(at::kCPU, at::kDouble).index({out.rows, out.columns}).sum().item<double>();
  return out;
}

Tensor assign_batch(const Tensor& costs, const Tensor& row_mask, const Tensor& column_mask, AssignGoal goal) {
  constexpr auto kWhere = "assign_batch";
  check_shape(costs, {-1, -1, -1}, kWhere, "costs");
  check_mask(row_mask, costs.size(0), costs.size(1), kWhere);
  check_mask(column_mask, costs.size(0), costs.size(2), kWhere);
  Tensor out = at::full({costs.size(0), costs.size(1)}, kNone, at::kLong);
  const auto real = [&](const Tensor& mask, int64_t sample, int64_t length) {
    return mask.defined() ? mask[sample].to(at::kCPU).nonzero().squeeze(1) : at::arange(length, at::kLong);
  };
  for (int64_t b = 0; b < costs.size(0); ++b) {
    const std::string where = "assign_batch, sample " + std::to_string(b);
    const Tensor rows = real(row_mask, b, costs.size(1)), columns = real(column_mask, b, costs.size(2));
    const Tensor chosen = costs[b].detach().to(at::kCPU).index_select(0, rows).index_select(1, columns);
    const std::vector<int64_t> partner = columns_of(as_costs(chosen, goal, where), where);
    for (size_t i = 0; i < partner.size(); ++i)
      if (partner[i] != kNone) out[b][rows[static_cast<int64_t>(i)].item<int64_t>()] = columns[partner[i]].item<int64_t>();
  }
  return out.to(costs.device());
}

}  // namespace alloy
