// SPDX-License-Identifier: Apache-2.0
#include <alloy/models/word_grounder.hpp>

#include <alloy/losses/region_word.hpp>

#include <torch/types.h>

namespace alloy {

void WordGrounderOptions::validate() const {
  check<ConfigError>(dim > 0, "[WordGrounder] expected dim > 0, got {}", {dim});
  regions.validate();
  text.validate();
  scale.validate();
}

WordGrounderImpl::WordGrounderImpl(WordGrounderOptions options)
    : options_(std::move(options)),
      regions_(options_.regions),
      text_(options_.text),
      region_projection_({.in_dim = options_.regions.dim, .out_dim = options_.dim, .bias = false}),
      word_projection_({.in_dim = options_.text.dim, .out_dim = options_.dim, .bias = false}),
      scale_(options_.scale) {
  register_module("regions", regions_);
  register_module("text", text_);
  register_module("region_projection", region_projection_);
  register_module("word_projection", word_projection_);
  register_module("scale", scale_);
}

Grounding WordGrounderImpl::forward(const GroundingInput& input) {
  constexpr auto kWhere = "WordGrounder";
  check_shape(input.words, {-1, -1}, kWhere, "words");
  check_shape(input.picture_of, {input.words.size(0)}, kWhere, "picture_of");
  const RegionFeatures regions = regions_(input.pictures, input.boxes, input.region_mask);
  const int64_t pictures = regions.boxes.size(0);
  check<DataError>(input.picture_of.numel() > 0 && input.picture_of.min().item<int64_t>() >= 0 && input.picture_of.max().item<int64_t>() < pictures,
                   "[{}] expected captions with picture_of in 0..{}, got others", {kWhere, pictures - 1});
  const Features text = text_->forward({.values = input.words, .mask = input.word_mask});
  const auto for_captions = [&](const Tensor& x) { return x.defined() ? x.index_select(0, input.picture_of) : x; };
  const TokenFeatures words{.values = word_projection_(text.tokens), .mask = input.speaks.defined() ? input.speaks : input.word_mask};
  return ground_words(
      words, {.values = for_captions(region_projection_(regions.values)), .boxes = for_captions(regions.boxes), .mask = for_captions(regions.mask)},
      input.phrase);
}

Tensor WordGrounderImpl::loss(const GroundingInput& input, const Tensor& meant) {
  const Grounding found = forward(input);
  const Tensor mask = input.region_mask.defined() ? input.region_mask.index_select(0, input.picture_of) : input.region_mask;
  const Tensor named = input.phrase.defined() ? input.phrase : input.speaks.defined() ? input.speaks : input.word_mask;
  const Tensor all =
      named.defined() ? meant.logical_or(named.unsqueeze(2).logical_not()).all(1, /*keepdim=*/true) : meant.all(1, /*keepdim=*/true);  // [Q, 1, R]
  return grounding_loss(found.similarity, meant, scale_(), mask) + grounding_loss(found.phrase_scores.unsqueeze(1), all, scale_(), mask);
}

}  // namespace alloy
