// SPDX-License-Identifier: Apache-2.0
#include <alloy/losses/region_word.hpp>

#include "losses/detail/checks.hpp"

#include <ATen/Functions.h>

#include <limits>

namespace alloy {

namespace {

struct RealTokens {
  Tensor values, mask;  // masked values are zeros: padding may hold NaN, which a product with zero would keep
};

RealTokens real_tokens(const TokenFeatures& side, std::string_view which) {
  constexpr auto kWhere = "region_word_similarity";
  check_shape(side.values, {-1, -1, -1}, kWhere, which);
  check_floating(side.values, kWhere, which);
  check_mask(side.mask, side.values.size(0), side.values.size(1), kWhere);
  const Tensor mask = side.mask.defined() ? side.mask : at::ones({side.values.size(0), side.values.size(1)}, side.values.options().dtype(at::kBool));
  check<DataError>(mask.any(1).all().item<bool>(), "[{}] expected a real one among the {} of every sample, got a sample without any",
                   {kWhere, which});
  return {at::where(mask.unsqueeze(2), side.values, at::zeros({}, side.values.options())), mask};
}

Tensor lowest(const Tensor& like) { return at::full({}, -std::numeric_limits<double>::infinity(), like.options()); }

}  // namespace

void RegionWordOptions::validate() const {
  check<ConfigError>(sharpness > 0, "[region_word_similarity] expected sharpness > 0, got {}", {sharpness});
}

Tensor region_word_similarity(const TokenFeatures& words, const TokenFeatures& regions, const RegionWordOptions& options) {
  options.validate();
  const auto [w, word_mask] = real_tokens(words, "words");
  const auto [r, region_mask] = real_tokens(regions, "regions");
  const int64_t width = w.size(2);
  check<ShapeError>(width == r.size(2), "[region_word_similarity] expected words and regions of one width, got {} and {}",
                    {words.values, regions.values});
  const Tensor s = w.reshape({-1, width}).mm(r.reshape({-1, width}).t()).view({w.size(0), w.size(1), r.size(0), r.size(1)});  // [B, W, B', R]
  const Tensor seen = at::where(region_mask.view({1, 1, r.size(0), r.size(1)}), s, lowest(s));
  const Tensor read = options.pooling == RegionPooling::max ? seen.amax(3) : ((options.sharpness * seen).softmax(3) * s).sum(3);  // [B, W, B']
  const Tensor counted = at::where(word_mask.unsqueeze(2), read, at::zeros({}, s.options()));
  return counted.sum(1) / word_mask.sum(1, /*keepdim=*/true);
}

Tensor region_word_contrast(const TokenFeatures& words, const TokenFeatures& regions, const Tensor& scale, const PairInfo& pairs,
                            const RegionWordOptions& options) {
  constexpr auto kWhere = "region_word_contrast";
  const Tensor s = region_word_similarity(words, regions, options);
  const int64_t rows = s.size(0);
  check<ShapeError>(s.size(1) == rows, "[{}] expected as many captions as pictures, got {} and {}", {kWhere, words.values, regions.values});
  detail::check_scalar(kWhere, scale, "scale");
  detail::check_ids(kWhere, pairs.ids, rows, "ids");
  detail::check_weights(kWhere, pairs.weights, rows);
  const Tensor same = pairs.ids.defined() ? pairs.ids.unsqueeze(1).eq(pairs.ids.unsqueeze(0)) : at::eye(rows, s.options().dtype(at::kBool));
  const Tensor target = same.to(s.scalar_type()) / same.sum(1, /*keepdim=*/true);  // symmetric: ids of both sides are the same
  const auto losses = [&](const Tensor& x) { return -(target * (scale * x).log_softmax(1)).sum(1); };
  return 0.5 * (detail::weighted_mean(losses(s), pairs.weights) + detail::weighted_mean(losses(s.t()), pairs.weights));
}

Tensor grounding_loss(const Tensor& similarity, const Tensor& right, const Tensor& scale, const Tensor& region_mask) {
  constexpr auto kWhere = "grounding_loss";
  check_shape(similarity, {-1, -1, -1}, kWhere, "similarity");
  check_floating(similarity, kWhere, "similarity");
  check<ShapeError>(right.defined() && right.scalar_type() == at::kBool && right.sizes() == similarity.sizes(),
                    "[{}] expected right as bool of the sizes of {}, got {}", {kWhere, similarity, right});
  check_mask(region_mask, similarity.size(0), similarity.size(2), kWhere);
  detail::check_scalar(kWhere, scale, "scale");
  const Tensor real = region_mask.defined() ? region_mask.unsqueeze(1).expand_as(right) : at::ones_like(right);
  const Tensor meant = right.logical_and(real), counts = meant.any(2);  // [B, W, R], [B, W]
  // Rows that do not count see zeros only, so that nothing in them, not even NaN, reaches a gradient.
  const Tensor allowed = real.logical_and(counts.unsqueeze(2)), none = lowest(similarity), zero = at::zeros({}, similarity.options());
  const Tensor logits = scale * at::where(allowed, similarity, zero);
  const Tensor all = at::where(allowed.logical_or(counts.logical_not().unsqueeze(2)), logits, none).logsumexp(2);
  const Tensor best = at::where(meant.logical_or(counts.logical_not().unsqueeze(2)), logits, none).logsumexp(2);
  return at::where(counts, all - best, zero).sum() / counts.sum().clamp_min(1);
}

}  // namespace alloy
