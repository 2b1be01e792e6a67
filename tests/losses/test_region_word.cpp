// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/losses/region_word.hpp>

#include <limits>

using namespace alloy;

namespace {

struct Batch {
  TokenFeatures words, regions;
};

Batch make_batch(int64_t captions = 3, int64_t pictures = 3) {
  torch::manual_seed(6);
  const auto masked = [](int64_t rows, int64_t length) {
    Tensor mask = torch::rand({rows, length}) > 0.35;
    mask.select(1, 1).fill_(true);
    return mask;
  };
  return {{torch::randn({captions, 4, 5}, at::kDouble), masked(captions, 4)}, {torch::randn({pictures, 6, 5}, at::kDouble), masked(pictures, 6)}};
}

double similarity_by_hand(const Batch& b, int64_t caption, int64_t picture, const RegionWordOptions& o) {
  double total = 0, words = 0;
  for (int64_t w = 0; w < 4; ++w) {
    if (!b.words.mask[caption][w].item<bool>()) continue;
    double best = -1e300, sum = 0, weighted = 0;
    for (int64_t r = 0; r < 6; ++r) {
      if (!b.regions.mask[picture][r].item<bool>()) continue;
      const double s = b.words.values[caption][w].dot(b.regions.values[picture][r]).item<double>(), e = std::exp(o.sharpness * s);
      best = std::max(best, s), sum += e, weighted += e * s;
    }
    total += o.pooling == RegionPooling::max ? best : weighted / sum, words += 1;
  }
  return total / words;
}

}  // namespace

TEST_CASE("region_word_similarity and region_word_contrast", "[losses]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Batch b = make_batch(3, 2);
  for (const auto& [pooling, name] : enum_names(RegionPooling{})) {
    INFO(name);
    const RegionWordOptions o{.pooling = pooling, .sharpness = 1.5};
    const Tensor s = region_word_similarity(b.words, b.regions, o);
    REQUIRE(s.sizes() == at::IntArrayRef({3, 2}));
    for (int64_t i = 0; i < 3; ++i)
      for (int64_t j = 0; j < 2; ++j) CHECK_THAT(s[i][j].item<double>(), WithinAbs(similarity_by_hand(b, i, j, o), 1e-12));
    const TokenFeatures dirty{b.words.values.masked_fill(b.words.mask.logical_not().unsqueeze(2), nan), b.words.mask};
    const TokenFeatures dirty_regions{b.regions.values.masked_fill(b.regions.mask.logical_not().unsqueeze(2), nan), b.regions.mask};
    CHECK_THAT(region_word_similarity(dirty, dirty_regions, o), SameBits(s));

    const Batch square = make_batch();
    const Tensor w = square.words.values.clone().requires_grad_(true), r = square.regions.values.clone().requires_grad_(true),
                 scale = torch::full({}, 2.0, at::kDouble).requires_grad_(true);
    const auto loss = [&](const PairInfo& pairs = {}) {
      return region_word_contrast({w, square.words.mask}, {r, square.regions.mask}, scale, pairs, o);
    };
    const Tensor logits = 2 * region_word_similarity(square.words, square.regions, o);
    CHECK_THAT(loss().item<double>(),
               WithinAbs(-0.5 * (logits.log_softmax(1).diagonal().mean() + logits.log_softmax(0).diagonal().mean()).item<double>(), 1e-12));
    CHECK(gradient_error([&] { return loss(); }, {w, r, scale}) < 1e-6);
    CHECK(gradient_error([&] { return loss({torch::tensor({0, 1, 0}), torch::tensor({1.0, 2.0, 0.5}, at::kDouble)}); }, {w, r, scale}) < 1e-6);
    const Tensor spoilt = square.words.values.masked_fill(square.words.mask.logical_not().unsqueeze(2), nan).requires_grad_(true);
    region_word_contrast({spoilt, square.words.mask}, {r, square.regions.mask}, scale, {}, o).backward();
    CHECK(spoilt.grad().isfinite().all().item<bool>());
  }
  const Tensor sharp = region_word_similarity(b.words, b.regions, {.sharpness = 1e4});
  CHECK_THAT(sharp, AllClose(region_word_similarity(b.words, b.regions, {.pooling = RegionPooling::max}), 1e-9));
  CHECK_THAT(region_word_similarity(b.words, b.regions, {.pooling = RegionPooling::max}),
             AllClose(token_similarity(b.words, b.regions).from_a, 1e-12));
  CHECK_THROWS_AS(region_word_similarity(b.words, b.regions, {.sharpness = 0}), ConfigError);
  CHECK_THROWS_AS(region_word_contrast(b.words, b.regions, torch::ones({})), ShapeError);
  CHECK_THROWS_AS(region_word_similarity({b.words.values, torch::zeros({3, 4}, at::kBool)}, b.regions), DataError);
  CHECK_THROWS_AS(region_word_similarity({b.words.values.slice(2, 0, 4)}, b.regions), ShapeError);
}

TEST_CASE("grounding_loss", "[losses]") {
  torch::manual_seed(8);
  const Tensor s = torch::randn({2, 3, 4}, at::kDouble).requires_grad_(true), scale = torch::full({}, 1.7, at::kDouble).requires_grad_(true);
  const Tensor mask = torch::tensor({{true, true, true, false}, {true, true, true, true}});
  Tensor right = torch::zeros({2, 3, 4}, at::kBool);
  right[0][0][1] = true, right[0][0][2] = true, right[0][2][3] = true;  // the last one is masked: the word does not count
  right[1][1][3] = true;
  const Tensor e = (1.7 * s.detach()).exp();
  const double wanted = -0.5 * (std::log(((e[0][0][1] + e[0][0][2]) / e[0][0].slice(0, 0, 3).sum()).item<double>()) +
                                std::log((e[1][1][3] / e[1][1].sum()).item<double>()));
  CHECK_THAT(grounding_loss(s, right, scale, mask).item<double>(), WithinAbs(wanted, 1e-12));
  CHECK(gradient_error([&] { return grounding_loss(s, right, scale, mask); }, {s, scale}) < 1e-6);
  // what is masked, or in words that do not count, may be anything
  Tensor dirty = s.detach().clone();
  dirty[0].select(1, 3).fill_(std::numeric_limits<double>::quiet_NaN());
  dirty[0][1].fill_(std::numeric_limits<double>::quiet_NaN());
  dirty.requires_grad_(true);
  const Tensor loss = grounding_loss(dirty, right, scale, mask);
  CHECK_THAT(loss.item<double>(), WithinAbs(wanted, 1e-12));
  loss.backward();
  CHECK(dirty.grad().isfinite().all().item<bool>());
  const Tensor none = grounding_loss(s, torch::zeros_like(right), scale, mask);
  CHECK(none.item<double>() == 0);
  CHECK(torch::autograd::grad({none}, {s})[0].abs().max().item<double>() == 0);
  CHECK_THAT(grounding_loss(s, torch::ones_like(right), scale).item<double>(), WithinAbs(0, 1e-12));
  CHECK_THROWS_AS(grounding_loss(s, right.slice(1, 0, 2), scale), ShapeError);
  CHECK_THROWS_AS(grounding_loss(s, right.to(at::kLong), scale), ShapeError);
  CHECK_THROWS_AS(grounding_loss(s, right, torch::ones({2})), ShapeError);
}

TEST_CASE("contrast of captions and pictures alone teaches which region a word means", "[losses]") {
  constexpr int64_t kThings = 12, kDim = 16, kBatch = 24, kRegions = 3;
  torch::manual_seed(12);
  const Tensor looks = torch::randn({kThings, kDim});  // what a thing looks like
  const Tensor words = torch::randn({kThings, kDim}).mul_(0.3), first_map = torch::randn({kDim, kDim}).mul_(0.1);
  const auto unit = [](const Tensor& x) { return x / x.norm(2, {-1}, true).clamp_min(1e-6); };
  const auto regions_of = [&](const Tensor& shown, const Tensor& map) {
    return unit((looks.index_select(0, shown.flatten()) + 0.3 * torch::randn({shown.numel(), kDim})).mm(map)).view({shown.size(0), -1, kDim});
  };
  for (const auto& [pooling, name] : enum_names(RegionPooling{})) {
    INFO(name);
    const Tensor w = words.clone().requires_grad_(true), map = first_map.clone().requires_grad_(true);
    for (int step = 0; step < 150; ++step) {
      const Tensor shown = torch::rand({kBatch, kThings}).argsort(int64_t{1}).slice(1, 0, kRegions);  // three of the things, in random order
      const Tensor named = shown.slice(1, 0, 2);  // a caption names two of the three things, and nobody says where they are
      const Tensor caption = unit(w.index_select(0, named.flatten())).view({kBatch, 2, kDim});
      const Tensor loss = region_word_contrast({caption}, {regions_of(shown, map)}, torch::full({}, 8.0), {}, {.pooling = pooling});
      const auto grads = torch::autograd::grad({loss}, {w, map});
      const torch::NoGradGuard no_grad;
      w.sub_(0.5 * grads[0]);
      map.sub_(0.5 * grads[1]);
    }
    const torch::NoGradGuard no_grad;
    const Tensor best = unit(w).mm(regions_of(torch::arange(kThings).unsqueeze(0), map)[0].t()).argmax(1);
    CHECK(best.eq(torch::arange(kThings)).sum().item<int64_t>() >= kThings - 2);  // by chance 1
  }
}
