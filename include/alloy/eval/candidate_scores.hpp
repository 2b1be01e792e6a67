// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Retrieval where each query has candidates of its own, such as the log entries of the same machine and week, and where queries come
/// in clusters that are alike, such as machines: intervals are those of a bootstrap over whole clusters, since resampling queries as if
/// they were independent makes them too narrow (Field & Welsh 2007).

#include <alloy/eval/retrieval_metrics.hpp>

namespace alloy {

struct CandidateScores {
  Tensor hits;        ///< [Q] double, 0..1: whether the right candidate is first; of n that are tied for it, 1 / n
  Tensor ranks;       ///< [Q] double, of the right candidate, 1 = first; in the middle of what is tied with it
  Tensor chance;      ///< [Q] double: 1 / candidates
  RetrievalScore r1;  ///< "R@1", with its interval over clusters
};

/// @param scores      [Q, N] floating, larger = nearer; finite, or -infinity, where a candidate
/// @param candidates  [Q, N] bool
/// @param right       [Q] int64: the right candidate of each query
/// @param clusters    [Q] int64, any numbers; undefined = each query is one
/// @throws ShapeError; DataError naming a query whose right item is no candidate or that has a NaN
ALLOY_API CandidateScores candidate_scores(const Tensor& scores, const Tensor& candidates, const Tensor& right, const Tensor& clusters = {},
                                           const BootstrapOptions& bootstrap = {});

/// Mean of values, such as hits or the differences of the hits of two methods, with an interval over clusters.
/// @param values  [Q], finite @param clusters  as above @throws ShapeError; DataError
ALLOY_API Score clustered_mean(const Tensor& values, const Tensor& clusters, const BootstrapOptions& bootstrap = {});

}  // namespace alloy
