// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The ranks of the right items of all queries, from tiles of the scores.

#include "eval/detail/tied_rank.hpp"

#include <alloy/eval/retrieval_metrics.hpp>

#include <span>

namespace alloy::detail {

inline constexpr auto kRetrievalScores = "retrieval_scores";

/// Scores [num_queries, num_items], float or double, of queries from `query` on and items from `item` on.
using TileScores = std::function<Tensor(int64_t query, int64_t num_queries, int64_t item, int64_t num_items)>;

/// The items that are right for each query, which are those of its id.
class RightItems {
 public:
  /// @throws ShapeError, or DataError naming a query without a right item
  RightItems(int64_t queries, int64_t items, const RetrievalOptions& options);
  int64_t num_queries() const { return static_cast<int64_t>(begins_.size()); }
  int64_t num_items() const { return static_cast<int64_t>(order_.size()); }
  /// At least one, ascending.
  std::span<const int64_t> of(int64_t query) const {
    const auto q = static_cast<size_t>(query);
    return std::span(order_).subspan(begins_[q], ends_[q] - begins_[q]);
  }

 private:
  std::vector<int64_t> order_;         // items by id, those of one id ascending
  std::vector<size_t> begins_, ends_;  // of each query's in order_
};

/// @throws DataError naming a query with a NaN
std::vector<TiedRank> rank_all(const TileScores& tile_scores, const RightItems& right, const RetrievalOptions& options);

}  // namespace alloy::detail
