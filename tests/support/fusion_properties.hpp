// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What every fusion of features must hold, whatever it does inside. Run it over a fusion of your own too.

#include "support/catch.hpp"

#include <alloy/core.hpp>

namespace alloy_test {

using alloy::Features;
using alloy::ModalityMap;

/// Random features of B samples: lengths differ by modality, the last token of every second sample is padding (NaN).
inline ModalityMap<Features> random_features(const alloy::Fusion& fusion, int64_t batch, uint64_t seed, at::ScalarType dtype = at::kFloat) {
  alloy::seed_everything(seed);
  ModalityMap<Features> features;
  for (size_t m = 0; m < fusion.modalities().size(); ++m) {
    const int64_t dim = fusion.input_dim(m), length = 3 + static_cast<int64_t>(m);
    Features f{.pooled = torch::randn({batch, dim}, dtype), .tokens = torch::randn({batch, length, dim}, dtype),
               .mask = torch::ones({batch, length}, torch::kBool), .present = torch::ones({batch}, torch::kBool), .times = {}};
    for (int64_t b = 0; b < batch; b += 2) f.mask[b][length - 1] = false;
    f.tokens = f.tokens.masked_fill(f.mask.logical_not().unsqueeze(2), std::numeric_limits<double>::quiet_NaN());
    features.insert(fusion.modalities()[m], f);
  }
  return features;
}

/// Copies with `present` set from the bits of `subset`, the same for every sample.
inline ModalityMap<Features> with_subset(const ModalityMap<Features>& features, unsigned subset) {
  ModalityMap<Features> result = features;
  unsigned bit = 1;
  for (auto& [name, f] : result) {
    f.present = torch::full({f.pooled.size(0)}, (subset & bit) != 0, torch::kBool);
    bit <<= 1;
  }
  return result;
}

/// Absent rows overwritten with a value, in all tensors.
inline ModalityMap<Features> fill_absent(const ModalityMap<Features>& features, double value) {
  ModalityMap<Features> result = features;
  for (auto& [name, f] : result) {
    const at::Tensor absent = f.present.logical_not();
    f.pooled = f.pooled.clone().masked_fill(absent.view({-1, 1}), value);
    f.tokens = f.tokens.clone().masked_fill(absent.view({-1, 1, 1}), value);
  }
  return result;
}

inline ModalityMap<Features> sample(const ModalityMap<Features>& features, int64_t b) {
  ModalityMap<Features> result = features;
  for (auto& [name, f] : result)
    f = {f.pooled.slice(0, b, b + 1), f.tokens.slice(0, b, b + 1), f.mask.slice(0, b, b + 1), f.present.slice(0, b, b + 1), {}};
  return result;
}

/// Sample b has the subset b + 1 of the modalities, so that a batch of 2^M - 1 has every subset once.
inline ModalityMap<Features> mixed_presence(ModalityMap<Features> features) {
  unsigned bit = 1;
  for (auto& [name, f] : features) {
    f.present = f.present.clone();
    for (int64_t b = 0; b < f.present.size(0); ++b) f.present[b] = ((static_cast<unsigned>(b) + 1) & bit) != 0;
    bit <<= 1;
  }
  return features;
}

/// Parameters' gradients of a weighted sum of the output.
inline std::vector<at::Tensor> parameter_gradients(alloy::Fusion& fusion, const ModalityMap<Features>& features) {
  fusion.zero_grad();
  const at::Tensor fused = fusion.forward(features).fused;
  const at::Tensor weights = torch::linspace(0.5, 1.5, fused.numel(), fused.options()).view_as(fused);
  (fused * weights).sum().backward();
  std::vector<at::Tensor> grads;
  for (const auto& p : fusion.parameters()) grads.push_back(p.grad().defined() ? p.grad().clone() : torch::zeros_like(p));
  return grads;
}

inline void check_fusion_properties(const std::string& name, const alloy::Handle<alloy::Fusion>& fusion) {
  INFO("fusion " << name);
  fusion->eval();
  const auto count = static_cast<unsigned>(fusion->modalities().size());
  const unsigned subsets = (1u << count) - 1;
  const auto full = random_features(*fusion, subsets, 11);
  const auto mixed = mixed_presence(full);

  for (unsigned subset = 1; subset <= subsets; ++subset) {  // every subset: finite, right shape, weights on what is there
    const auto out = fusion->forward(with_subset(full, subset));
    CHECK(out.fused.sizes() == at::IntArrayRef({subsets, fusion->dim()}));
    CHECK(out.fused.isfinite().all().item<bool>());
    if (out.weights.defined()) {
      CHECK_THAT(out.weights.sum(1), AllClose(torch::ones({subsets})));
      for (unsigned m = 0; m < count; ++m)
        if ((subset >> m & 1) == 0) CHECK(out.weights.select(1, m).abs().max().item<float>() == 0.f);
    }
  }
  CHECK_THROWS_AS(fusion->forward(with_subset(full, 0)), alloy::DataError);
  auto one_empty = full;
  for (auto& [modality, f] : one_empty) f.present = f.present.clone(), f.present[2] = false;
  CHECK_THROWS_WITH(fusion->forward(one_empty), ContainsSubstring("sample 2"));

  // what an absent modality holds changes nothing, neither output nor gradient
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THAT(fusion->forward(fill_absent(mixed, nan)).fused, SameBits(fusion->forward(mixed).fused));
  const auto clean = parameter_gradients(*fusion, mixed), dirty = parameter_gradients(*fusion, fill_absent(mixed, nan));
  for (size_t i = 0; i < clean.size(); ++i) {
    CHECK(dirty[i].isfinite().all().item<bool>());
    CHECK_THAT(dirty[i], AllClose(clean[i], 1e-6));
    INFO("parameter " << fusion->named_parameters().keys()[i]);
    CHECK(clean[i].abs().max().item<float>() > 0.f);  // registered and trained
  }
  auto input_grads = fill_absent(mixed, nan);
  for (auto& [modality, f] : input_grads) f.pooled.requires_grad_(true), f.tokens.requires_grad_(true);
  fusion->forward(input_grads).fused.sum().backward();
  for (auto& [modality, f] : input_grads)
    for (const at::Tensor& x : {f.pooled, f.tokens})
      if (x.grad().defined()) CHECK(x.grad().isfinite().all().item<bool>());

  // absent is not the same as present and zero
  if (count > 1) {
    const auto absent = with_subset(full, subsets - 1);
    auto zero = full;
    zero.begin()->second.pooled = torch::zeros_like(zero.begin()->second.pooled);
    zero.begin()->second.tokens = torch::zeros_like(zero.begin()->second.tokens);
    CHECK_FALSE(at::allclose(fusion->forward(absent).fused, fusion->forward(zero).fused, 1e-6, 1e-7));
    auto left_out = full;  // left out of the map = absent everywhere
    left_out.erase(fusion->modalities()[0]);
    CHECK_THAT(fusion->forward(left_out).fused, AllClose(fusion->forward(absent).fused, 1e-6));
    ModalityMap<Features> reversed;
    for (auto i = fusion->modalities().rbegin(); i != fusion->modalities().rend(); ++i) reversed.insert(*i, mixed.at(*i));
    CHECK_THAT(fusion->forward(reversed).fused, SameBits(fusion->forward(mixed).fused));
  }

  const at::Tensor together = fusion->forward(mixed).fused;  // each sample alone gives the same
  for (int64_t b = 0; b < subsets; ++b) CHECK_THAT(fusion->forward(sample(mixed, b)).fused, AllClose(together.slice(0, b, b + 1), 1e-5));

  auto stranger = full;
  stranger.insert("stranger", full.begin()->second);
  CHECK_THROWS_WITH(fusion->forward(stranger), ContainsSubstring("stranger"));
  auto narrow = full;
  narrow.begin()->second.pooled = torch::zeros({subsets, 1});
  narrow.begin()->second.tokens = torch::zeros({subsets, full.begin()->second.tokens.size(1), 1});
  CHECK_THROWS_AS(fusion->forward(narrow), alloy::ShapeError);

  // gradients against finite differences, in a copy in double
  const auto exact = alloy::clone(fusion);
  exact->to(torch::kDouble);
  auto leaves = mixed_presence(random_features(*exact, subsets, 12, torch::kDouble));
  std::vector<at::Tensor> inputs;
  for (auto& [modality, f] : leaves) {
    f.tokens = f.tokens.nan_to_num(0.0);
    inputs.push_back(exact->reads_tokens() ? f.tokens.requires_grad_(true) : f.pooled.requires_grad_(true));
  }
  const at::Tensor weights = torch::linspace(-1, 1, subsets * exact->dim(), torch::kDouble).view({subsets, -1});
  CHECK(gradient_error([&] { return (exact->forward(leaves).fused * weights).sum(); }, inputs) < 1e-6);
}

}  // namespace alloy_test
