// SPDX-License-Identifier: Apache-2.0
#include <alloy/layers/patch_dropout.hpp>

#include <ATen/Functions.h>

#include <algorithm>

namespace alloy {

void PatchDropoutOptions::validate() const {
  check<ConfigError>(rate >= 0 && rate < 1, "[PatchDropout] expected 0 <= patch_dropout < 1, got {}", {rate});
  check<ConfigError>(prefix >= 0, "[PatchDropout] expected prefix >= 0, got {}", {prefix});
}

void PatchDropoutImpl::force(double rate) {
  check<ConfigError>(rate < 1, "[PatchDropout] expected patch_dropout < 1, got {}", {rate});
  rate_ = rate < 0 ? options_.rate : rate;
}

KeptPatches PatchDropoutImpl::forward(const Tensor& tokens, const Tensor& mask) {
  check_shape(tokens, {-1, -1, -1}, "PatchDropout", "tokens");
  const int64_t batch = tokens.size(0), count = tokens.size(1), prefix = options_.prefix;
  check_mask(mask, batch, count, "PatchDropout");
  check<ShapeError>(count >= prefix, "[PatchDropout] expected at least the {} tokens that always stay, got {}", {prefix, tokens});
  if (!is_training() || rate_ == 0 || count == prefix) return {tokens, mask};
  const Tensor real = mask.defined() ? mask.slice(1, prefix).cpu() : at::ones({batch, count - prefix}, at::kBool);  // [B, N]
  const Tensor present = real.sum(1);                                                                              // [B]
  const Tensor wanted = at::minimum((present * (1 - rate_)).round().to(at::kLong).clamp_min(1), present);
  const int64_t most = std::max<int64_t>(wanted.max().item<int64_t>(), 1);

  const Tensor scores = at::rand({batch, count - prefix}, at::kFloat).masked_fill(real.logical_not(), -1.0);
  Tensor place = std::get<1>(scores.topk(most, 1));                                            // [B, K], the best first
  place.masked_fill_(at::arange(most) >= wanted.unsqueeze(1), count);                          // samples of fewer tokens
  place = std::get<0>(place.sort(1));
  Tensor kept = place < count;
  place = at::cat({at::arange(prefix).expand({batch, prefix}), place.add(prefix).clamp_max(count - 1)}, 1);
  const Tensor rows = (place + at::arange(batch).unsqueeze(1) * count).flatten().to(tokens.device());
  const Tensor chosen = tokens.flatten(0, 1).index_select(0, rows).view({batch, prefix + most, -1});
  if (mask.defined()) kept = at::cat({mask.slice(1, 0, prefix), kept.to(mask.device())}, 1);
  return {chosen, mask.defined() ? kept : Tensor()};
}

int64_t force_patch_dropout(torch::nn::Module& module, double rate) {
  int64_t found = 0;
  for (const auto& child : module.modules(/*include_self=*/true))
    if (auto* patches = child->as<PatchDropoutImpl>()) patches->force(rate), ++found;
  return found;
}

}  // namespace alloy
