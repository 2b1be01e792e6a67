// SPDX-License-Identifier: Apache-2.0
#include "eval/detail/rank_items.hpp"

#include <ATen/Functions.h>

#include <algorithm>
#include <limits>
#include <unordered_map>

namespace alloy::detail {

namespace {

constexpr int64_t kQueryTile = 256, kItemTile = 4096;  // 1 M scores: 8 MB in double, and a few masks

/// Some queries against all items. Two passes over the tiles: the best right score of each query, then how many items
/// stand before it and beside it. The first needs only the tiles that hold a right item.
class QueryBlock {
 public:
  QueryBlock(const TileScores& tile_scores, int64_t first, Tensor query_ids, Tensor item_ids)
      : tile_scores_(tile_scores), first_(first), query_ids_(std::move(query_ids)), item_ids_(std::move(item_ids)) {}

  void append_ranks(std::vector<TiedRank>& ranks) {
    const Tensor counts = count_around(best_right()).cpu();
    const auto c = counts.accessor<int64_t, 2>();
    for (int64_t q = 0; q < counts.size(1); ++q) ranks.push_back({c[0][q], std::max<int64_t>(c[1][q], 1), std::max<int64_t>(c[2][q], 1)});
  }

 private:
  int64_t width(int64_t item) const { return std::min(kItemTile, item_ids_.size(0) - item); }
  Tensor right(int64_t item) const { return query_ids_.unsqueeze(1).eq(item_ids_.narrow(0, item, width(item)).unsqueeze(0)); }  // [q, n]
  const Tensor& scores(int64_t item) {                                                                                         // [q, n]
    if (scored_ != item) scores_ = tile_scores_(first_, query_ids_.size(0), item, width(item));
    scored_ = item;
    return scores_;
  }

  Tensor best_right() {  // [q, 1]
    Tensor best;
    for (int64_t i = 0; i < item_ids_.size(0); i += kItemTile) {
      const Tensor mask = right(i);
      if (!mask.any().item<bool>()) continue;
      const Tensor here = scores(i).masked_fill(mask.logical_not(), -std::numeric_limits<double>::infinity()).amax({1}, /*keepdim=*/true);
      best = best.defined() ? at::maximum(best, here) : here;
    }
    return best;
  }

  Tensor count_around(const Tensor& best) {  // [3, q]: greater, tied, tied and right
    Tensor counts = at::zeros({3, query_ids_.size(0)}, query_ids_.options());
    for (int64_t i = 0; i < item_ids_.size(0); i += kItemTile) {
      const Tensor& s = scores(i);
      const Tensor bad = s.ne(s).any(1);
      if (bad.any().item<bool>())
        fail<DataError>("[{}] expected scores without NaN, got one for query {}", {kRetrievalScores, first_ + bad.to(at::kInt).argmax().item<int64_t>()});
      const Tensor tied = s.eq(best);
      counts[0] += s.gt(best).sum(1);
      counts[1] += tied.sum(1);
      counts[2] += tied.logical_and(right(i)).sum(1);
    }
    return counts;
  }

  const TileScores& tile_scores_;
  int64_t first_;
  Tensor query_ids_, item_ids_;
  Tensor scores_;
  int64_t scored_ = -1;  // the tile that scores_ holds
};

}  // namespace

RightItems right_items(int64_t queries, int64_t items, const RetrievalOptions& o) {
  check<ShapeError>(queries > 0, "[{}] expected at least one query, got none", {kRetrievalScores});
  check<ShapeError>(o.query_ids.defined() == o.item_ids.defined(), "[{}] expected ids of both queries and items or of neither, got those of {} only",
                    {kRetrievalScores, o.query_ids.defined() ? "queries" : "items"});
  if (!o.query_ids.defined()) {
    check<ShapeError>(queries == items, "[{}] expected as many items as queries where there are no ids, got {} queries and {} items; set query_ids and item_ids",
                      {kRetrievalScores, queries, items});
    const Tensor all = at::arange(queries, at::kLong);
    return {all, all, std::vector<int64_t>(static_cast<size_t>(queries), 1)};
  }
  check_shape(o.query_ids, {queries}, kRetrievalScores, "query_ids");
  check_shape(o.item_ids, {items}, kRetrievalScores, "item_ids");
  for (const Tensor& ids : {o.query_ids, o.item_ids}) check<ShapeError>(ids.scalar_type() == at::kLong, "[{}] expected int64 ids, got {}", {kRetrievalScores, ids});
  RightItems right{o.query_ids.cpu().contiguous(), o.item_ids.cpu().contiguous(), {}};
  std::unordered_map<int64_t, int64_t> count;
  for (int64_t i = 0; i < items; ++i) ++count[right.item_ids.const_data_ptr<int64_t>()[i]];
  for (int64_t q = 0; q < queries; ++q) {
    const int64_t id = right.query_ids.const_data_ptr<int64_t>()[q];
    const auto found = count.find(id);
    check<DataError>(found != count.end(), "[{}] expected a right item for every query, got none for query {} (id {}); leave it out", {kRetrievalScores, q, id});
    right.counts.push_back(found->second);
  }
  return right;
}

std::vector<TiedRank> rank_all(const TileScores& tile_scores, const RightItems& right, at::Device device, const RetrievalOptions& o) {
  const int64_t queries = right.query_ids.size(0);
  const Tensor query_ids = right.query_ids.to(device), item_ids = right.item_ids.to(device);
  std::vector<TiedRank> ranks;
  ranks.reserve(static_cast<size_t>(queries));
  for (int64_t q = 0; q < queries; q += kQueryTile) {
    o.cancel.check(kRetrievalScores);
    QueryBlock(tile_scores, q, query_ids.narrow(0, q, std::min(kQueryTile, queries - q)), item_ids).append_ranks(ranks);
    if (o.progress) o.progress({.stage = "rank", .done = static_cast<int64_t>(ranks.size()), .total = queries});
  }
  return ranks;
}

}  // namespace alloy::detail
