// SPDX-License-Identifier: Apache-2.0
#include "eval/detail/rank_items.hpp"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <limits>
#include <numeric>

namespace alloy::detail {

namespace {

constexpr int64_t kQueryTile = 256, kItemTile = 4096;  // 1 M scores: 8 MB in double
constexpr int64_t kRowsAThread = 16;

/// What one query knows so far.
struct Seen {
  std::span<const int64_t> right;  // items not looked at yet in this pass
  double best = -std::numeric_limits<double>::infinity();
  TiedRank rank = {.greater = 0, .tied = 0, .right = 0};
  bool nan = false;

  /// Calls `visit` for the place in the tile of each right item before `end`.
  void visit_right(int64_t begin, int64_t end, const auto& visit) {
    for (; !right.empty() && right.front() < end; right = right.subspan(1)) visit(right.front() - begin);
  }
};

template <class T>
void count_row(const T* scores, int64_t count, Seen& seen) {
  const T best = static_cast<T>(seen.best);
  int32_t greater = 0, tied = 0, nan = 0;  // as wide as a float, for vector instructions
  for (int64_t i = 0; i < count; ++i) {
    greater += scores[i] > best;
    tied += scores[i] == best;
    nan += scores[i] != scores[i];
  }
  seen.rank.greater += greater;
  seen.rank.tied += tied;
  seen.nan = seen.nan || nan > 0;
}

/// Some queries against all items. Two passes over the tiles: the best right score of each query, then how many items
/// stand before it and beside it. The first needs only the tiles that hold a right item.
class QueryBlock {
 public:
  QueryBlock(const TileScores& tile_scores, const RightItems& right, int64_t first) : tile_scores_(tile_scores), right_(right), first_(first) {
    seen_.resize(static_cast<size_t>(std::min(kQueryTile, right.num_queries() - first)));
  }

  void append_ranks(std::vector<TiedRank>& ranks) {
    for (int64_t i = begin_pass(); i < right_.num_items(); i += kItemTile)
      if (std::ranges::any_of(seen_, [&](const Seen& s) { return !s.right.empty() && s.right.front() < i + kItemTile; })) visit_tile<false>(i);
    for (int64_t i = begin_pass(); i < right_.num_items(); i += kItemTile) visit_tile<true>(i);
    for (size_t q = 0; q < seen_.size(); ++q) {
      check<DataError>(!seen_[q].nan, "[{}] expected scores without NaN, got one for query {}", {kRetrievalScores, first_ + static_cast<int64_t>(q)});
      ranks.push_back(seen_[q].rank);
    }
  }

 private:
  int64_t begin_pass() {
    for (size_t q = 0; q < seen_.size(); ++q) seen_[q].right = right_.of(first_ + static_cast<int64_t>(q));
    return 0;
  }

  template <bool kCount>
  void visit_tile(int64_t item) {
    const int64_t count = std::min(kItemTile, right_.num_items() - item);
    if (scored_ != item) scores_ = tile_scores_(first_, static_cast<int64_t>(seen_.size()), item, count).cpu().contiguous();
    scored_ = item;
    if (scores_.scalar_type() == at::kDouble) visit_rows<kCount, double>(item, count);
    else visit_rows<kCount, float>(item, count);
  }

  template <bool kCount, class T>
  void visit_rows(int64_t item, int64_t count) {
    const T* scores = scores_.const_data_ptr<T>();
    at::parallel_for(0, static_cast<int64_t>(seen_.size()), kRowsAThread, [&](int64_t begin, int64_t end) {
      for (int64_t q = begin; q < end; ++q) {
        const T* row = scores + q * count;
        Seen& seen = seen_[static_cast<size_t>(q)];
        if constexpr (kCount) {
          count_row(row, count, seen);
          seen.visit_right(item, item + count, [&](int64_t i) { seen.rank.right += row[i] == static_cast<T>(seen.best); });
        } else {
          seen.visit_right(item, item + count, [&](int64_t i) { seen.best = std::max(seen.best, static_cast<double>(row[i])); });
        }
      }
    });
  }

  const TileScores& tile_scores_;
  const RightItems& right_;
  int64_t first_;
  std::vector<Seen> seen_;
  Tensor scores_;
  int64_t scored_ = -1;  // the tile that scores_ holds
};

}  // namespace

RightItems::RightItems(int64_t queries, int64_t items, const RetrievalOptions& o) {
  check<ShapeError>(queries > 0, "[{}] expected at least one query, got none", {kRetrievalScores});
  check<ShapeError>(o.query_ids.defined() == o.item_ids.defined(), "[{}] expected ids of both queries and items or of neither, got those of {} only",
                    {kRetrievalScores, o.query_ids.defined() ? "queries" : "items"});
  check<ShapeError>(o.query_ids.defined() || queries == items, "[{}] expected as many items as queries where there are no ids, got {} queries and {} items; set query_ids and item_ids",
                    {kRetrievalScores, queries, items});
  const Tensor query_ids = o.query_ids.defined() ? o.query_ids.cpu().contiguous() : at::arange(queries, at::kLong);
  const Tensor item_ids = o.item_ids.defined() ? o.item_ids.cpu().contiguous() : at::arange(items, at::kLong);
  check_shape(query_ids, {queries}, kRetrievalScores, "query_ids");
  check_shape(item_ids, {items}, kRetrievalScores, "item_ids");
  for (const Tensor& ids : {query_ids, item_ids}) check<ShapeError>(ids.scalar_type() == at::kLong, "[{}] expected int64 ids, got {}", {kRetrievalScores, ids});
  const int64_t* id_of = item_ids.const_data_ptr<int64_t>();
  order_.resize(static_cast<size_t>(items));
  std::iota(order_.begin(), order_.end(), 0);
  std::ranges::stable_sort(order_, {}, [&](int64_t i) { return id_of[i]; });
  for (int64_t q = 0; q < queries; ++q) {
    const int64_t id = query_ids.const_data_ptr<int64_t>()[q];
    const auto found = std::ranges::equal_range(order_, id, {}, [&](int64_t i) { return id_of[i]; });
    check<DataError>(!found.empty(), "[{}] expected a right item for every query, got none for query {} (id {}); leave it out", {kRetrievalScores, q, id});
    begins_.push_back(static_cast<size_t>(found.begin() - order_.begin()));
    ends_.push_back(static_cast<size_t>(found.end() - order_.begin()));
  }
}

std::vector<TiedRank> rank_all(const TileScores& tile_scores, const RightItems& right, const RetrievalOptions& o) {
  std::vector<TiedRank> ranks;
  ranks.reserve(static_cast<size_t>(right.num_queries()));
  for (int64_t q = 0; q < right.num_queries(); q += kQueryTile) {
    o.cancel.check(kRetrievalScores);
    QueryBlock(tile_scores, right, q).append_ranks(ranks);
    if (o.progress) o.progress({.stage = "rank", .done = static_cast<int64_t>(ranks.size()), .total = right.num_queries()});
  }
  return ranks;
}

}  // namespace alloy::detail
