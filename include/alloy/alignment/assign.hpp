// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Which word belongs to which box when each may be given once: the optimal assignment (Jonker & Volgenant 1987, by shortest augmenting
/// paths as in Crouse 2016). Exact; min(N, M)^2 max(N, M) steps. No gradient.

#include <alloy/core/options.hpp>
#include <alloy/core/tensor.hpp>

#include <array>
#include <utility>

namespace alloy {

enum class AssignGoal { least_cost, greatest_score };
constexpr auto enum_names(AssignGoal) {
  return std::to_array<std::pair<AssignGoal, std::string_view>>(
      {{AssignGoal::least_cost, "least_cost"}, {AssignGoal::greatest_score, "greatest_score"}});
}

struct Assignment {
  Tensor rows;       ///< int64 [K], rising, K = min(N, M)
  Tensor columns;    ///< int64 [K], no repeats: the partner of each of these rows
  double total = 0;  ///< sum of the entries taken
};

/// @param costs  [N, M], floating. Infinity (-infinity for greatest_score) forbids a pair; the other infinity and NaN are refused.
///               N or M may be 0
/// @throws ShapeError; DataError for NaN, and where forbidden pairs leave no assignment of min(N, M) pairs: the message names the
///         row or column for which none is left
ALLOY_API Assignment assign(const Tensor& costs, AssignGoal goal = AssignGoal::least_cost);

/// One assignment a sample, of the rows and columns that are real.
/// @param costs  [B, N, M] @param row_mask  [B, N] bool @param column_mask  [B, M] bool; undefined = all real. What masked entries hold changes
/// nothing
/// @return int64 [B, N]: the column of each row, -1 for rows without one
/// @throws as above, naming the sample
ALLOY_API Tensor assign_batch(const Tensor& costs, const Tensor& row_mask = {}, const Tensor& column_mask = {},
                              AssignGoal goal = AssignGoal::least_cost);

}  // namespace alloy
