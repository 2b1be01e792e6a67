// SPDX-License-Identifier: Apache-2.0
#pragma once

/// How well a query finds what belongs to it among many items: recall and ranks, each with its interval and beside what
/// a random order would get.

#include <alloy/core/progress.hpp>
#include <alloy/eval/metrics.hpp>

namespace alloy {

/// A score, and its exact expectation if the items stood in random order.
struct RetrievalScore {
  std::string name;
  Score score;
  double chance = 0;
};

struct RetrievalScores {
  int64_t queries = 0, items = 0;
  std::vector<RetrievalScore> scores;  ///< "R@1" ... (share of queries with a right item among the first k), "median_rank", "mean_rank", "mrr"
  Tensor ranks;                        ///< [Q] double: of the best right item of each query, 1 = first
  /// @throws ConfigError that lists the names there are
  ALLOY_API const RetrievalScore& at(std::string_view name) const;
};

struct RetrievalOptions {
  /// int64 [Q] and [N]: an item is right for the queries of the same id; a query may have several right items, and counts by
  /// the best of them. Both undefined: Q = N, and item i is right for query i.
  Tensor query_ids = {}, item_ids = {};
  std::vector<int64_t> ks = {1, 5, 10};  ///< each >= 1
  BootstrapOptions bootstrap = {};       ///< over queries
  CancelToken cancel = {};
  ProgressCallback progress = {};
  ALLOY_API void validate() const;
};

/// Equal scores say nothing about order: every score is its expectation over all orders of what is tied, so that a model
/// that gives all items one score gets what chance gets, never more (McSherry & Najork 2008).
/// @param similarity  [Q, N], larger = nearer
/// @throws ShapeError if sizes do not fit; DataError naming a query that has a NaN or no right item
ALLOY_API RetrievalScores retrieval_scores(const Tensor& similarity, const RetrievalOptions& options = {});
/// The same of all dot products of embeddings, in tiles: the memory beyond the inputs is O(Q + N) and a few tens of MB. Products are
/// summed in double and compared as floats, so that rounding puts no order between equal embeddings.
/// @param queries  [Q, D], usually unit rows @param items  [N, D]
/// @throws as above; DataError naming a query or item that is not finite
ALLOY_API RetrievalScores retrieval_scores(const Tensor& queries, const Tensor& items, const RetrievalOptions& options = {});

/// Recall at k of a random order of `items`, of which `right` are right: 1 - C(items - right, k) / C(items, k).
/// @throws ConfigError unless 1 <= right <= items and k >= 0
ALLOY_API double chance_recall(int64_t items, int64_t right, int64_t k);

}  // namespace alloy
