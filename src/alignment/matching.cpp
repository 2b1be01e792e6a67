// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/matching.hpp>

#include "alignment/detail/unit_rows.hpp"

#include <ATen/Functions.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace alloy {

namespace {

Tensor unit(const Tensor& rows, std::string_view side) {
  check_shape(rows, {-1, -1}, "mutual_nearest_pairs", "embeddings");
  check_floating(rows, "mutual_nearest_pairs", "embeddings");
  check<DataError>(rows.numel() > 0, "[mutual_nearest_pairs] expected at least one row and column, got {}", {rows});
  const Tensor x = rows.detach().to(at::kCPU, rows.scalar_type() == at::kDouble ? at::kDouble : at::kFloat).contiguous();
  return detail::unit_rows(x, "mutual_nearest_pairs", [&](int64_t row) { return std::string(side) + " row " + std::to_string(row); });
}

/// Calls f(begin of rows, begin of columns, cosines) for tiles, columns inside rows.
template <class F>
void for_tiles(const Tensor& a, const Tensor& b, const F& f) {
  constexpr int64_t kRows = 512, kColumns = 4096;
  for (int64_t i = 0; i < a.size(0); i += kRows)
    for (int64_t j = 0; j < b.size(0); j += kColumns)
      f(i, j, a.narrow(0, i, std::min(kRows, a.size(0) - i)).matmul(b.narrow(0, j, std::min(kColumns, b.size(0) - j)).t()));
}

/// The largest values so far of lines, one more tile being seen. @param best  [L, k] or undefined @param seen  [L, n]
Tensor best_of(const Tensor& best, const Tensor& seen, int64_t k) {
  const Tensor all = best.defined() ? at::cat({best, seen}, 1) : seen;
  return std::get<0>(all.topk(std::min(k, all.size(1)), 1));
}

/// Mean of the largest cosines of each row with the other side, [N] and [M].
std::pair<Tensor, Tensor> neighbour_means(const Tensor& a, const Tensor& b, int64_t k) {
  Tensor rows, of_a = at::empty({a.size(0)}, a.options());
  std::map<int64_t, Tensor> columns;  // by where the tile begins
  for_tiles(a, b, [&](int64_t i, int64_t j, const Tensor& tile) {
    rows = best_of(j == 0 ? Tensor() : rows, tile, k);
    of_a.narrow(0, i, tile.size(0)).copy_(rows.mean(1));
    Tensor& best = columns[j];
    best = best_of(best, tile.t(), k);
  });
  std::vector<Tensor> means;
  for (const auto& [begin, best] : columns) means.push_back(best.mean(1));
  return {of_a, at::cat(means)};
}

/// The best of each line so far; of equals the one seen first.
struct Best {
  Tensor score, place;  // [L]
  explicit Best(int64_t count, const Tensor& like)
      : score(at::full({count}, -std::numeric_limits<double>::infinity(), like.options())), place(at::zeros({count}, at::kLong)) {}
  /// @param seen  [n, width]: lines from `begin` on, candidates from `offset` on
  void see(int64_t begin, int64_t offset, const Tensor& seen) {
    const auto [most, _] = seen.max(1, true);
    const Tensor width = at::arange(seen.size(1), at::kLong);
    const Tensor at_most = at::where(seen.eq(most), width, seen.size(1)).amin(1);  // max alone gives any of equals
    const Tensor own = score.narrow(0, begin, seen.size(0)), where = place.narrow(0, begin, seen.size(0)), better = most.squeeze(1) > own;
    where.copy_(at::where(better, at_most + offset, where));
    own.copy_(at::where(better, most.squeeze(1), own));
  }
};

}  // namespace

Tensor csls(const Tensor& similarity, int64_t neighbours) {
  check_shape(similarity, {-1, -1}, "csls", "similarities");
  check_floating(similarity, "csls", "similarities");
  check<ShapeError>(similarity.numel() > 0, "[csls] expected at least one row and column, got {}", {similarity});
  check<ConfigError>(neighbours > 0, "[csls] expected neighbours > 0, got {}", {neighbours});
  const auto mean = [&](int64_t axis) { return std::get<0>(similarity.topk(std::min(neighbours, similarity.size(axis)), axis)).mean(axis, true); };
  return 2 * similarity - mean(1) - mean(0);
}

void MutualPairsOptions::validate() const {
  check<ConfigError>(neighbours > 0, "[mutual_nearest_pairs] expected neighbours > 0, got {}", {neighbours});
  check<ConfigError>(!std::isnan(least_score), "[mutual_nearest_pairs] expected a number as least_score, got {}", {least_score});
}

MutualPairs mutual_nearest_pairs(const Tensor& first, const Tensor& second, const MutualPairsOptions& options) {
  options.validate();
  Tensor a = unit(first, "first"), b = unit(second, "second");
  check<ShapeError>(a.size(1) == b.size(1), "[mutual_nearest_pairs] expected embeddings of one width, got {} and {}", {first, second});
  if (a.scalar_type() != b.scalar_type()) a = a.to(at::kDouble), b = b.to(at::kDouble);
  const bool corrected = options.score == PairScore::csls;
  const auto [of_a, of_b] = corrected ? neighbour_means(a, b, options.neighbours) : std::pair<Tensor, Tensor>{};
  Best rows(a.size(0), a), columns(b.size(0), b);
  for_tiles(a, b, [&](int64_t i, int64_t j, const Tensor& cosines) {
    const Tensor tile = corrected ? 2 * cosines - of_a.narrow(0, i, cosines.size(0)).unsqueeze(1) - of_b.narrow(0, j, cosines.size(1)) : cosines;
    rows.see(i, j, tile);
    columns.see(j, i, tile.t());
  });
  const Tensor all = at::arange(a.size(0), at::kLong);
  const Tensor chosen = columns.place.index_select(0, rows.place).eq(all).logical_and(rows.score >= options.least_score);
  const Tensor kept = all.masked_select(chosen);
  return {.first = kept, .second = rows.place.index_select(0, kept), .scores = rows.score.index_select(0, kept)};
}

}  // namespace alloy
