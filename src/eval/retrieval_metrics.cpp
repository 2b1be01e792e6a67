// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/retrieval_metrics.hpp>

#include "eval/detail/rank_items.hpp"

#include <ATen/Functions.h>
#include <torch/utils.h>

#include <algorithm>
#include <map>
#include <set>

namespace alloy {

namespace {

using detail::RightItems;
using detail::TiedRank;
using detail::TileScores;

constexpr auto kWhere = detail::kRetrievalScores;
constexpr int64_t kRowsAtATime = 4096;

/// The middle value, or the mean of the two in the middle.
double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<int64_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return values.size() % 2 == 1 ? *middle : 0.5 * (*middle + *std::max_element(values.begin(), middle));
}

/// The median rank of a random order: where the mean over the queries of P(rank <= m) passes a half.
double chance_median(int64_t items, const std::map<int64_t, double>& shares) {
  std::vector<double> none;  // P(rank > m) of each number of right items
  for (const auto& [right, share] : shares) none.push_back(share);
  int64_t low = 0;
  for (int64_t m = 1;; ++m) {
    double later = 0;
    size_t i = 0;
    for (const auto& item : shares) later += none[i++] *= TiedRank{0, items, item.first}.none_right(m);
    if (low == 0 && later <= 0.5 + 1e-9) low = m;
    if (later < 0.5 - 1e-9) return 0.5 * static_cast<double>(low + m);
  }
}

/// Chance in the order of the scores.
std::vector<double> chances(const RightItems& right, const std::vector<int64_t>& ks) {
  const int64_t items = right.num_items();
  std::map<int64_t, double> shares;  // of the queries, by number of right items
  for (int64_t q = 0; q < right.num_queries(); ++q) shares[static_cast<int64_t>(right.of(q).size())] += 1.0 / static_cast<double>(right.num_queries());
  const auto mean = [&](const auto& of) {
    double sum = 0;
    for (const auto& [count, share] : shares) sum += share * of(TiedRank{0, items, count});
    return sum;
  };
  std::vector<double> all;
  for (const int64_t k : ks) all.push_back(mean([k](const TiedRank& r) { return r.recall(k); }));
  all.push_back(chance_median(items, shares));
  all.push_back(mean([](const TiedRank& r) { return r.mean(); }));
  all.push_back(mean([](const TiedRank& r) { return r.reciprocal(); }));
  return all;
}

/// What each query adds to the scores: R@k for each k, rank, reciprocal rank. [Q, S] double
Tensor per_query(const std::vector<TiedRank>& ranks, const std::vector<int64_t>& ks) {
  const auto columns = static_cast<int64_t>(ks.size()) + 2;
  const Tensor table = at::empty({static_cast<int64_t>(ranks.size()), columns}, at::kDouble);
  double* out = table.mutable_data_ptr<double>();
  std::map<TiedRank, double> reciprocals;  // many queries of a poor model share a long tie
  for (const TiedRank& rank : ranks) {
    for (const int64_t k : ks) *out++ = rank.recall(k);
    *out++ = rank.mean();
    const auto [found, added] = reciprocals.try_emplace(rank, 0.0);
    if (added) found->second = rank.reciprocal();
    *out++ = found->second;
  }
  return table;
}

RetrievalScores score(const TileScores& tile_scores, int64_t queries, int64_t items, const RetrievalOptions& o) {
  const torch::NoGradGuard no_grad;
  const RightItems right(queries, items, o);
  const Tensor table = per_query(detail::rank_all(tile_scores, right, o), o.ks);
  const int64_t num_ks = static_cast<int64_t>(o.ks.size());
  const auto statistics = [&](const Tensor& index) {
    const Tensor rows = table.index_select(0, index), means = rows.mean(0), ranks = rows.select(1, num_ks).contiguous();
    const double* mean = means.const_data_ptr<double>();
    std::vector<double> values(mean, mean + num_ks);
    values.push_back(median({ranks.const_data_ptr<double>(), ranks.const_data_ptr<double>() + queries}));
    values.insert(values.end(), {mean[num_ks], mean[num_ks + 1]});
    return values;
  };
  const std::vector<Score> scores = bootstrap_all(queries, statistics, o.bootstrap);
  std::vector<std::string> names;
  for (const int64_t k : o.ks) names.push_back("R@" + std::to_string(k));
  names.insert(names.end(), {"median_rank", "mean_rank", "mrr"});
  const std::vector<double> by_chance = chances(right, o.ks);
  RetrievalScores result{.queries = queries, .items = items, .scores = {}, .ranks = table.select(1, num_ks).clone()};
  for (size_t s = 0; s < names.size(); ++s) result.scores.push_back({names[s], scores[s], by_chance[s]});
  return result;
}

void check_finite_rows(const Tensor& rows, const char* what) {
  for (int64_t i = 0; i < rows.size(0); i += kRowsAtATime) {
    const Tensor bad = rows.narrow(0, i, std::min(kRowsAtATime, rows.size(0) - i)).isfinite().all(1).logical_not();
    if (bad.any().item<bool>()) fail<DataError>("[{}] expected finite embeddings, got NaN or infinity in {} {}", {kWhere, what, i + bad.to(at::kInt).argmax().item<int64_t>()});
  }
}

}  // namespace

const RetrievalScore& RetrievalScores::at(std::string_view name) const {
  std::vector<std::string> names;
  for (const RetrievalScore& s : scores) {
    if (s.name == name) return s;
    names.push_back(s.name);
  }
  fail<ConfigError>("[RetrievalScores] expected one of {}, got '{}'", {names, name});
}

void RetrievalOptions::validate() const {
  for (const int64_t k : ks) check<ConfigError>(k >= 1, "[{}] expected ks >= 1, got {}", {kWhere, ks});
  check<ConfigError>(std::set(ks.begin(), ks.end()).size() == ks.size(), "[{}] expected each k once, got {}", {kWhere, ks});
}

RetrievalScores retrieval_scores(const Tensor& similarity, const RetrievalOptions& options) {
  options.validate();
  check_shape(similarity, {-1, -1}, kWhere, "similarity");
  check_floating(similarity, kWhere, "similarity");
  const auto dtype = similarity.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const auto tile = [&](int64_t q, int64_t num_q, int64_t i, int64_t num_i) { return similarity.narrow(0, q, num_q).narrow(1, i, num_i).to(dtype); };
  return score(tile, similarity.size(0), similarity.size(1), options);
}

RetrievalScores retrieval_scores(const Tensor& queries, const Tensor& items, const RetrievalOptions& options) {
  options.validate();
  check_shape(queries, {-1, -1}, kWhere, "queries");
  check_shape(items, {-1, queries.size(1)}, kWhere, "items");
  check<ShapeError>(queries.is_floating_point() && items.is_floating_point() && queries.device() == items.device(),
                    "[{}] expected floating-point embeddings on one device, got queries {} and items {}", {kWhere, queries, items});
  check_finite_rows(queries, "query");
  check_finite_rows(items, "item");
  const auto tile = [&](int64_t q, int64_t num_q, int64_t i, int64_t num_i) {
    return at::mm(queries.narrow(0, q, num_q).to(at::kDouble), items.narrow(0, i, num_i).to(at::kDouble).t()).to(at::kFloat);
  };
  return score(tile, queries.size(0), items.size(0), options);
}

double chance_recall(int64_t items, int64_t right, int64_t k) {
  check<ConfigError>(right >= 1 && right <= items && k >= 0, "[chance_recall] expected 1 <= right <= items and k >= 0, got {} right of {} and k {}", {right, items, k});
  return TiedRank{0, items, right}.recall(k);
}

}  // namespace alloy
