// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Multi-similarity loss (Wang et al. 2019, eq. 10 and 11): positives and negatives are mined against each other, then
/// weighted softly.

#include <alloy/core/options.hpp>
#include <alloy/core/tensor.hpp>

namespace alloy {

struct MultiSimilarityOptions {
  double alpha = 2.0;
  double beta = 50.0;
  double base = 0.5;
  double epsilon = 0.1;
  static void describe(auto& self, auto&& field) {
    field("alpha", self.alpha, "> 0, sharpness on positives");
    field("beta", self.beta, "> 0, sharpness on negatives");
    field("base", self.base, "the similarity around which both turn");
    field("epsilon", self.epsilon, ">= 0, slack of the mining");
  }
  ALLOY_API void validate() const;
};

/// Mean over the rows. Holds the B x B matrix.
/// @param features  [B, D], usually unit rows @param labels  int64 [B]
ALLOY_API Tensor multi_similarity(const Tensor& features, const Tensor& labels, const MultiSimilarityOptions& options = {});

}  // namespace alloy
