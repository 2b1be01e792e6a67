// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/joint_scores.hpp>

#include <ATen/Functions.h>

namespace alloy {

namespace {

/// For each sample the row that a modality has of it, -1 where it has none. [N]
Tensor row_of_sample(const EmbeddedRows& rows, int64_t samples) {
  return at::full({samples}, -1, at::kLong).index_put_({rows.samples}, at::arange(rows.samples.size(0), at::kLong));
}

}  // namespace

std::vector<JointScores> joint_scores(const EmbeddedSet& set, const JointScoreOptions& options) {
  const auto samples = static_cast<int64_t>(set.ids.size());
  check<ConfigError>(!options.retrieval.query_ids.defined() && !options.retrieval.item_ids.defined(), "[joint_scores] expected no ids in the retrieval options, got some; use groups");
  if (options.groups.defined()) check_shape(options.groups, {samples}, "joint_scores", "groups");
  std::vector<JointScores> all;
  for (const auto& [from, query_rows] : set.modalities)
    for (const auto& [to, item_rows] : set.modalities) {
      if (from == to) continue;
      const Tensor query_row = row_of_sample(query_rows, samples), item_row = row_of_sample(item_rows, samples);
      const Tensor both = query_row.ge(0).logical_and(item_row.ge(0)).nonzero().squeeze(1);  // [n] samples
      if (both.size(0) < 2) continue;                                                        // one has nothing to be told from
      RetrievalOptions retrieval = options.retrieval;
      retrieval.query_ids = retrieval.item_ids = options.groups.defined() ? options.groups.cpu().index_select(0, both) : both;
      const Tensor queries = query_rows.values.index_select(0, query_row.index_select(0, both)), items = item_rows.values.index_select(0, item_row.index_select(0, both));
      all.push_back({from, to, retrieval_scores(queries, items, retrieval)});
    }
  check<DataError>(!all.empty(), "[joint_scores] expected two modalities that at least two samples both have, got none among {}", {set.modalities.names()});
  return all;
}

}  // namespace alloy
