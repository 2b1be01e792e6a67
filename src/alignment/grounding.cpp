// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/grounding.hpp>

#include <ATen/Functions.h>

#include <limits>

namespace alloy {

namespace {

constexpr auto kWhere = "ground_words";

/// All true where there is none.
Tensor mask_of(const Tensor& mask, const Tensor& values) {
  check_mask(mask, values.size(0), values.size(1), kWhere);
  return mask.defined() ? mask : at::ones({values.size(0), values.size(1)}, values.options().dtype(at::kBool));
}

/// Unit rows; zeros where the mask is false, whatever stands there.
Tensor unit_rows(const Tensor& values, const Tensor& mask) {
  const Tensor clean = at::where(mask.unsqueeze(2), values, at::zeros({}, values.options()));
  const Tensor squares = clean.square().sum(2, /*keepdim=*/true), some = squares > 0, one = at::ones({}, values.options());
  return clean / at::where(some, squares, one).sqrt();  // the root has no gradient at 0
}

/// The boxes [B, K, 4] of regions [B, K].
Tensor boxes_at(const Tensor& boxes, const Tensor& regions) { return boxes.gather(1, regions.unsqueeze(2).expand({-1, -1, 4})); }

}  // namespace

Grounding ground_words(const TokenFeatures& words, const RegionFeatures& regions, const Tensor& phrase) {
  check_shape(words.values, {-1, -1, -1}, kWhere, "words");
  check_floating(words.values, kWhere, "words");
  const int64_t batch = words.values.size(0);
  check_shape(regions.values, {batch, -1, words.values.size(2)}, kWhere, "regions");
  check_shape(regions.boxes, {batch, regions.values.size(1), 4}, kWhere, "boxes of the regions");
  const Tensor word_mask = mask_of(words.mask, words.values), region_mask = mask_of(regions.mask, regions.values);
  check_mask(phrase, batch, words.values.size(1), kWhere);
  const Tensor named = phrase.defined() ? phrase.logical_and(word_mask) : word_mask;
  check<DataError>(region_mask.any(1).all().item<bool>(), "[{}] expected a region in every sample, got one without any", {kWhere});
  check<DataError>(named.any(1).all().item<bool>(), "[{}] expected a real word in every phrase, got a sample without any", {kWhere});

  const Tensor cosine = unit_rows(words.values, word_mask).bmm(unit_rows(regions.values, region_mask).transpose(1, 2));  // [B, W, R]
  const Tensor zero = at::zeros({}, cosine.options()), none = at::full({}, -std::numeric_limits<double>::infinity(), cosine.options());
  const auto [best, place] = at::where(region_mask.unsqueeze(1), cosine, none).max(2);                       // [B, W]
  const Tensor total = at::where(named.unsqueeze(2), cosine, zero).sum(1) / named.sum(1, /*keepdim=*/true);  // [B, R]
  const Tensor of_phrase = at::where(region_mask, total, none), chosen = of_phrase.argmax(1);
  return {.similarity = cosine,
          .word_regions = at::where(word_mask, place, at::full({}, -1, place.options())),
          .word_boxes = at::where(word_mask.unsqueeze(2), boxes_at(regions.boxes, place), at::zeros({}, regions.boxes.options())),
          .word_scores = at::where(word_mask, best, zero),
          .phrase_scores = of_phrase,
          .phrase_regions = chosen,
          .phrase_boxes = boxes_at(regions.boxes, chosen.unsqueeze(1)).squeeze(1)};
}

}  // namespace alloy
