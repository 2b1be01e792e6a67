// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Who belongs to whom between two sets of embeddings without known pairs. Nearest neighbours alone pick hubs, rows that are near to
/// everything; CSLS (Conneau et al. 2018, eq. 3) takes off how near a row is to its neighbours on the other side, and mutual pairs
/// keep those that choose each other.

#include <alloy/core/options.hpp>
#include <alloy/core/tensor.hpp>

#include <array>
#include <utility>

namespace alloy {

/// 2 s_ij - mean of row i's `neighbours` largest - mean of column j's `neighbours` largest. Differentiable.
/// @param similarity  [N, M] floating, usually cosines
/// @param neighbours  10 in the paper; where a side has fewer, all of them
/// @return [N, M] @throws ShapeError; ConfigError unless neighbours > 0
ALLOY_API Tensor csls(const Tensor& similarity, int64_t neighbours = 10);

enum class PairScore { cosine, csls };
constexpr auto enum_names(PairScore) {
  return std::to_array<std::pair<PairScore, std::string_view>>({{PairScore::cosine, "cosine"}, {PairScore::csls, "csls"}});
}

struct MutualPairsOptions {
  PairScore score = PairScore::csls;
  int64_t neighbours = 10;
  double least_score = -4;
  static void describe(auto& self, auto&& field) {
    field("score", self.score, "by which rows choose");
    field("neighbours", self.neighbours, "of csls, > 0");
    field("least_score", self.least_score, "pairs below it are left out; cosine -1..1, csls -4..4");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

struct MutualPairs {
  Tensor first, second;  ///< int64 [K]: rows of either side, each at most once, by ascending row of the first
  Tensor scores;         ///< [K] float (double of double)
};

/// Pairs (i, j) where j is the best of i and i is the best of j; of equals, the first row counts. Rows are brought to unit length.
/// In tiles: N M D steps (csls twice), memory O((N + M) neighbours) and a tile of 512 x 4096 beyond copies of the inputs; without gradients.
/// @param first, second  [N, D] and [M, D] floating
/// @throws ShapeError; ConfigError; DataError naming a row that is zero or not finite
ALLOY_API MutualPairs mutual_nearest_pairs(const Tensor& first, const Tensor& second, const MutualPairsOptions& options = {});

}  // namespace alloy
