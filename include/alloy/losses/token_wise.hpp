// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Late interaction of tokens (Yao et al. 2022, "FILIP", eq. 3 to 5): a pair is as similar as, on average, each token of one
/// side is to its best token of the other.

#include <alloy/losses/info_nce.hpp>

namespace alloy {

/// Tokens of one side: values [B, T, D], usually unit rows; mask [B, T] bool, undefined = all real.
struct TokenFeatures {
  Tensor values;
  Tensor mask = {};
};

/// Similarities of all pairs from either side: [B, B'], not symmetric. `from_a[i][j]` is the mean over the tokens of a_i of
/// their largest product with a token of b_j; `from_b[i][j]` the mean over the tokens of b_j. What a masked token holds
/// changes nothing. Rows of a are taken in blocks, the blocks are kept for the gradient: memory B B' T T' floats then.
struct TokenSimilarity {
  Tensor from_a, from_b;
};
ALLOY_API TokenSimilarity token_similarity(const TokenFeatures& a, const TokenFeatures& b);

/// InfoNCE on token similarities. @throws ShapeError; DataError for a row without any real token
ALLOY_API Tensor token_wise_contrastive(const TokenFeatures& a, const TokenFeatures& b, const Tensor& scale, const PairInfo& pairs = {});

}  // namespace alloy
