// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The ranks of the right items of all queries, from tiles of the scores.

#include "eval/detail/tied_rank.hpp"

#include <alloy/eval/retrieval_metrics.hpp>

namespace alloy::detail {

inline constexpr auto kRetrievalScores = "retrieval_scores";

/// Scores [num_queries, num_items] of queries from `query` on and items from `item` on.
using TileScores = std::function<Tensor(int64_t query, int64_t num_queries, int64_t item, int64_t num_items)>;

/// An item is right for a query of its id.
struct RightItems {
  Tensor query_ids, item_ids;   ///< int64 [Q], [N] on the CPU
  std::vector<int64_t> counts;  ///< [Q], each >= 1
};
/// @throws ShapeError, or DataError naming a query without a right item
RightItems right_items(int64_t queries, int64_t items, const RetrievalOptions& options);

/// @param device  where the scores are
/// @throws DataError naming a query with a NaN
std::vector<TiedRank> rank_all(const TileScores& tile_scores, const RightItems& right, at::Device device, const RetrievalOptions& options);

}  // namespace alloy::detail
