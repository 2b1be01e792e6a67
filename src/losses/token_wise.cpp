// SPDX-License-Identifier: Apache-2.0
#include <alloy/losses/token_wise.hpp>

#include "losses/detail/checks.hpp"

#include <ATen/Functions.h>

#include <limits>

namespace alloy {

namespace {

constexpr int64_t kBlockRows = 16;

Tensor real_tokens(const TokenFeatures& side, std::string_view which) {
  constexpr auto kWhere = "token_similarity";
  check_shape(side.values, {-1, -1, -1}, kWhere, which);
  check_floating(side.values, kWhere, which);
  check_mask(side.mask, side.values.size(0), side.values.size(1), kWhere);
  const Tensor mask = side.mask.defined() ? side.mask : at::ones({side.values.size(0), side.values.size(1)}, at::kBool);
  check<DataError>(mask.any(1).all().item<bool>(), "[{}] expected a real token in every row of {}, got a row without any", {kWhere, which});
  return mask;
}

/// Mean over the real of dim -1. x [r, B, T], mask [r or 1, B or 1, T]
Tensor mean_of_real(const Tensor& x, const Tensor& mask) { return at::where(mask, x, at::zeros({}, x.options())).sum(-1) / mask.sum(-1); }

}  // namespace

TokenSimilarity token_similarity(const TokenFeatures& a, const TokenFeatures& b) {
  const Tensor real_a = real_tokens(a, "a"), real_b = real_tokens(b, "b");
  check<ShapeError>(a.values.size(2) == b.values.size(2), "[token_similarity] expected tokens of one width, got {} and {}", {a.values, b.values});
  const Tensor none = at::full({}, -std::numeric_limits<double>::infinity(), a.values.options());
  // Padding may hold anything, NaN too, which a product with zero would keep.
  const auto clean = [](const Tensor& values, const Tensor& mask) { return at::where(mask.unsqueeze(2), values, at::zeros({}, values.options())); };
  const Tensor values_a = clean(a.values, real_a), values_b = clean(b.values, real_b);
  const int64_t rows = values_a.size(0), count_b = values_b.size(0), length_a = values_a.size(1), length_b = values_b.size(1);
  std::vector<Tensor> from_a, from_b;
  for (int64_t i = 0; i < rows; i += kBlockRows) {
    const Tensor x = values_a.slice(0, i, std::min(i + kBlockRows, rows)), mask = real_a.slice(0, i, std::min(i + kBlockRows, rows));
    const Tensor s = at::matmul(x.reshape({-1, x.size(2)}), values_b.reshape({-1, x.size(2)}).t()).view({x.size(0), length_a, count_b, length_b}).transpose(1, 2);  // [r, B', T, T']
    const Tensor best_b = at::where(real_b.view({1, count_b, 1, length_b}), s, none).amax(3);           // [r, B', T]
    const Tensor best_a = at::where(mask.view({-1, 1, length_a, 1}), s, none).amax(2);                  // [r, B', T']
    from_a.push_back(mean_of_real(best_b, mask.unsqueeze(1)));
    from_b.push_back(mean_of_real(best_a, real_b.unsqueeze(0)));
  }
  return {at::cat(from_a), at::cat(from_b)};
}

Tensor token_wise_contrastive(const TokenFeatures& a, const TokenFeatures& b, const Tensor& scale, const PairInfo& pairs) {
  constexpr auto kWhere = "token_wise_contrastive";
  const auto [from_a, from_b] = token_similarity(a, b);
  const int64_t rows = from_a.size(0);
  check<ShapeError>(from_a.size(1) == rows, "[{}] expected as many rows on both sides, got {} and {}", {kWhere, a.values, b.values});
  detail::check_scalar(kWhere, scale, "scale");
  detail::check_ids(kWhere, pairs.ids, rows, "ids");
  detail::check_weights(kWhere, pairs.weights, rows);
  const Tensor same = pairs.ids.defined() ? pairs.ids.unsqueeze(1).eq(pairs.ids.unsqueeze(0)) : at::eye(rows, at::kBool);
  const Tensor target = same.to(from_a.scalar_type()) / same.sum(1, /*keepdim=*/true);  // symmetric: ids of both sides are the same
  const auto losses = [&](const Tensor& s) { return -(target * (scale * s).log_softmax(1)).sum(1); };
  return 0.5 * (detail::weighted_mean(losses(from_a), pairs.weights) + detail::weighted_mean(losses(from_b.t()), pairs.weights));
}

}  // namespace alloy
