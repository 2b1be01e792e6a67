// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Retrieval from each modality of a joint space to each other.
///
///     for (const auto& [from, to, found] : joint_scores(embed_all(joint, loader)))
///       std::printf("%s to %s: R@1 %.3f, by chance %.3f\n", from.c_str(), to.c_str(), found.at("R@1").score.value, found.at("R@1").chance);

#include <alloy/eval/embed_all.hpp>
#include <alloy/eval/retrieval_metrics.hpp>

namespace alloy {

struct JointScores {
  std::string from, to;
  RetrievalScores found;  ///< queries are rows of `from`, items those of `to`
};

struct JointScoreOptions {
  /// int64 [N], one a sample of the set: samples of one group (the same caption, the same picture) are right for one
  /// another. Undefined: a query has its own sample only.
  Tensor groups = {};
  /// Without ids, which come from `groups`.
  RetrievalOptions retrieval = {};
};

/// Every ordered pair of modalities, over the samples that have both; pairs of fewer than two such samples are left out. An item
/// that occurs in many samples counts as many items: for captions of few pictures give retrieval_scores each picture once.
/// @throws DataError if no pair is left; ConfigError for ids in `retrieval`; ShapeError for groups that do not fit
ALLOY_API std::vector<JointScores> joint_scores(const EmbeddedSet& set, const JointScoreOptions& options = {});

}  // namespace alloy
