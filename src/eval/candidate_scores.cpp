// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/candidate_scores.hpp>

#include <torch/types.h>

#include <map>

namespace alloy {

Score clustered_mean(const Tensor& values, const Tensor& clusters, const BootstrapOptions& options) {
  check_shape(values, {-1}, "clustered_mean", "values");
  check<DataError>(values.numel() > 0, "[clustered_mean] expected at least one value, got none");
  const Tensor all = values.to(torch::kCPU, torch::kDouble).contiguous();
  check<DataError>(all.isfinite().all().item<bool>(), "[clustered_mean] expected finite values, got NaN or infinity");
  const double* value = all.const_data_ptr<double>();
  std::vector<double> sums, counts;
  if (clusters.defined()) {
    check_shape(clusters, {all.size(0)}, "clustered_mean", "clusters");
    check<ShapeError>(clusters.scalar_type() == torch::kLong, "[clustered_mean] expected int64 clusters, got {}", {clusters});
    const Tensor of = clusters.to(torch::kCPU).contiguous();
    std::map<int64_t, std::pair<double, double>> found;
    for (int64_t i = 0; i < all.size(0); ++i) {
      auto& [sum, count] = found[of.const_data_ptr<int64_t>()[i]];
      sum += value[i], count += 1;
    }
    for (const auto& [cluster, sum] : found) sums.push_back(sum.first), counts.push_back(sum.second);
  } else {
    sums.assign(value, value + all.size(0));
    counts.assign(sums.size(), 1);
  }
  return bootstrap(
      std::ssize(sums),
      [&](const Tensor& index) {
        double sum = 0, count = 0;
        const auto* at = index.const_data_ptr<int64_t>();
        for (int64_t i = 0; i < index.size(0); ++i) sum += sums[static_cast<size_t>(at[i])], count += counts[static_cast<size_t>(at[i])];
        return sum / count;
      },
      options);
}

CandidateScores candidate_scores(const Tensor& scores, const Tensor& candidates, const Tensor& right, const Tensor& clusters,
                                 const BootstrapOptions& options) {
  check_shape(scores, {-1, -1}, "candidate_scores", "scores");
  check_floating(scores, "candidate_scores", "scores");
  const int64_t queries = scores.size(0), items = scores.size(1);
  check_shape(candidates, {queries, items}, "candidate_scores", "candidates");
  check_shape(right, {queries}, "candidate_scores", "right");
  check<ShapeError>(candidates.scalar_type() == torch::kBool && right.scalar_type() == torch::kLong,
                    "[candidate_scores] expected bool candidates and int64 right, got {} and {}", {candidates, right});
  const Tensor values = scores.to(torch::kCPU, torch::kDouble).contiguous(), allowed = candidates.to(torch::kCPU).contiguous(),
               answers = right.to(torch::kCPU).contiguous();
  CandidateScores found{.hits = torch::zeros({queries}, torch::kDouble),
                        .ranks = torch::zeros({queries}, torch::kDouble),
                        .chance = torch::zeros({queries}, torch::kDouble),
                        .r1 = {}};
  for (int64_t q = 0; q < queries; ++q) {
    const double* row = values.const_data_ptr<double>() + q * items;
    const bool* may = allowed.const_data_ptr<bool>() + q * items;
    const int64_t answer = answers.const_data_ptr<int64_t>()[q];
    check<DataError>(answer >= 0 && answer < items && may[answer],
                     "[candidate_scores] expected the right item of query {} among its candidates, got item {}", {q, answer});
    int64_t better = 0, tied = 0, count = 0;
    for (int64_t i = 0; i < items; ++i) {
      if (!may[i]) continue;
      check<DataError>(row[i] == row[i] && row[i] != INFINITY,
                       "[candidate_scores] expected scores that are finite or -infinity, got {} of query {} and item {}", {row[i], q, i});
      ++count;
      better += row[i] > row[answer] ? 1 : 0;
      tied += row[i] == row[answer] ? 1 : 0;
    }
    found.hits.mutable_data_ptr<double>()[q] = better > 0 ? 0 : 1.0 / static_cast<double>(tied);
    found.ranks.mutable_data_ptr<double>()[q] = static_cast<double>(better) + static_cast<double>(tied + 1) / 2;
    found.chance.mutable_data_ptr<double>()[q] = 1.0 / static_cast<double>(count);
  }
  found.r1 = {.name = "R@1", .score = clustered_mean(found.hits, clusters, options), .chance = found.chance.mean().item<double>()};
  return found;
}

}  // namespace alloy
