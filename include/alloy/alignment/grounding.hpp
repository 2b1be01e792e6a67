// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Words to boxes: which region of a picture a word means, and which one a phrase, by the nearest embedding. losses/region_word.hpp trains
/// embeddings for it; `assign_batch` gives each box to one word at most where that is wanted.

#include <alloy/alignment/boxes.hpp>
#include <alloy/losses/token_wise.hpp>

namespace alloy {

struct RegionFeatures {
  Tensor values;     ///< [B, R, D]
  Tensor boxes;      ///< [B, R, 4], x1 y1 x2 y2
  Tensor mask = {};  ///< [B, R] bool, undefined = all real
};

struct Grounding {
  Tensor similarity;      ///< [B, W, R]: cosines; 0 for masked words and regions
  Tensor word_regions;    ///< int64 [B, W]: the best region, the first of equal ones; -1 for masked words
  Tensor word_boxes;      ///< [B, W, 4]: its box; zeros for masked words
  Tensor word_scores;     ///< [B, W]: its cosine; 0 for masked words
  Tensor phrase_scores;   ///< [B, R]: mean cosine over the words of the phrase; -infinity for masked regions
  Tensor phrase_regions;  ///< int64 [B]: the best of these
  Tensor phrase_boxes;    ///< [B, 4]
};

/// Rows are brought to unit length here; a row of zeros has a cosine of 0 with everything. Similarities and scores are differentiable.
/// Whole phrases that have one embedding each go in as `words` as they are.
/// @param words   values [B, W, D] and mask
/// @param phrase  bool [B, W]: the words that together name one box; undefined = all real words
/// @throws ShapeError; DataError for a sample without regions, or without a real word in its phrase
ALLOY_API Grounding ground_words(const TokenFeatures& words, const RegionFeatures& regions, const Tensor& phrase = {});

}  // namespace alloy
