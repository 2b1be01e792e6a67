// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Contrast of words and regions of pictures, which learns to point: with boxes known (grounding_loss), or from captions and pictures
/// alone (region_word_contrast).

#include <alloy/losses/token_wise.hpp>

#include <array>
#include <utility>

namespace alloy {

/// How a word reads all regions of a picture: max takes its best (Yao et al. 2022, eq. 3); attention the mean of its similarities,
/// weighted by their softmax (Gupta et al. 2020, "Contrastive Learning for Weakly Supervised Phrase Grounding", section 3.2), which
/// gives every region a gradient.
enum class RegionPooling { max, attention };
constexpr auto enum_names(RegionPooling) {
  return std::to_array<std::pair<RegionPooling, std::string_view>>({{RegionPooling::max, "max"}, {RegionPooling::attention, "attention"}});
}

struct RegionWordOptions {
  RegionPooling pooling = RegionPooling::attention;
  double sharpness = 10.0;
  static void describe(auto& self, auto&& field) {
    field("pooling", self.pooling, "how a word reads the regions of a picture");
    field("sharpness", self.sharpness, "of attention: similarities are multiplied by it before the softmax, > 0; very large = max");
  }
  ALLOY_API void validate() const;
};

/// How well the words of caption i are found in picture j: the mean over its words of what each reads there. What masked words and
/// regions hold changes nothing. Memory B B' W R numbers.
/// @param words    values [B, W, D], usually unit rows @param regions  values [B', R, D]
/// @return [B, B']
/// @throws ShapeError; DataError for a caption without words or a picture without regions
ALLOY_API Tensor region_word_similarity(const TokenFeatures& words, const TokenFeatures& regions, const RegionWordOptions& options = {});

/// InfoNCE over these similarities, in both directions: a caption finds its picture, a picture its caption. No boxes are known.
/// @param scale  a scalar, the inverse temperature @param pairs  as in info_nce
ALLOY_API Tensor region_word_contrast(const TokenFeatures& words, const TokenFeatures& regions, const Tensor& scale, const PairInfo& pairs = {},
                                      const RegionWordOptions& options = {});

/// Contrast within each picture where it is known which regions a word means:
/// -log of the share that the right regions have in the softmax of scale s over all regions of the picture, mean over words.
/// @param similarity   [B, W, R] of words and regions, usually cosines; what is masked may hold anything
/// @param right        bool [B, W, R]: the regions that a word means; words with none, or with none that is real, do not count
/// @param region_mask  bool [B, R]; undefined = all real
/// @return a scalar; 0 with a gradient of 0 if no word counts
ALLOY_API Tensor grounding_loss(const Tensor& similarity, const Tensor& right, const Tensor& scale, const Tensor& region_mask = {});

}  // namespace alloy
