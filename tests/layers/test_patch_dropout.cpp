// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core.hpp>
#include <alloy/encoders/spectrogram_transformer.hpp>
#include <alloy/encoders/vit.hpp>
#include <alloy/layers/patch_dropout.hpp>

using namespace alloy;

namespace {

/// Token t of sample b is full of 100 b + t.
Tensor numbered(int64_t batch, int64_t count) {
  return (100 * torch::arange(batch).unsqueeze(1) + torch::arange(count)).to(torch::kFloat).unsqueeze(2).expand({batch, count, 3}).contiguous();
}

std::vector<float> numbers_of(const Tensor& kept, int64_t sample) {
  const Tensor row = kept[sample].select(1, 0).contiguous();
  return {row.const_data_ptr<float>(), row.const_data_ptr<float>() + row.numel()};
}

}  // namespace

TEST_CASE("a random share of the patches stays, in its order, and the class token always", "[layers]") {
  torch::manual_seed(1);
  const Tensor x = numbered(6, 17);
  for (const auto& [rate, prefix, wanted] : {std::tuple{0.5, 1, 9}, {0.75, 1, 5}, {0.9, 0, 2}, {0.999, 1, 2}, {0.25, 2, 13}}) {
    INFO(rate << " behind " << prefix);
    PatchDropout dropout({.rate = rate, .prefix = prefix});
    const KeptPatches kept = dropout(x);
    CHECK_FALSE(kept.mask.defined());
    REQUIRE(kept.tokens.sizes() == at::IntArrayRef({6, wanted, 3}));
    for (int64_t b = 0; b < 6; ++b) {
      const auto numbers = numbers_of(kept.tokens, b);
      for (int64_t t = 0; t < prefix; ++t) CHECK(numbers[static_cast<size_t>(t)] == static_cast<float>(100 * b + t));
      CHECK(std::ranges::adjacent_find(numbers, std::ranges::greater_equal()) == numbers.end());  // none twice
      CHECK((numbers.front() >= static_cast<float>(100 * b) && numbers.back() < static_cast<float>(100 * b + 17)));
    }
  }
  SECTION("each patch as often as the others, each sample for itself") {
    PatchDropout dropout({.rate = 0.75, .prefix = 1});
    Tensor counts = torch::zeros({17});
    for (int i = 0; i < 400; ++i) counts += dropout(numbered(1, 17)).tokens.select(2, 0).to(torch::kLong).flatten().bincount({}, 17);
    CHECK(counts[0].item<float>() == 400);
    CHECK(counts.slice(0, 1).min().item<float>() > 65);  // 100 +- 8.7
    CHECK(counts.slice(0, 1).max().item<float>() < 135);
    const Tensor two = dropout(numbered(2, 17)).tokens;
    CHECK_FALSE(at::equal(two[0] + 100, two[1]));
  }
  SECTION("evaluation, and a rate of 0, leave all as it is and draw nothing") {
    PatchDropout dropout({.rate = 0.5});
    dropout->eval();
    torch::manual_seed(3);
    const Tensor next = torch::rand({2});
    torch::manual_seed(3);
    CHECK(dropout(x).tokens.is_same(x));
    dropout->train();
    dropout->force(0);
    CHECK(dropout(x).tokens.is_same(x));
    CHECK_THAT(torch::rand({2}), SameBits(next));
    dropout->force(-1);
    CHECK(dropout(x).tokens.size(1) == 8);  // of 17, to the nearest even
  }
}

TEST_CASE("patch dropout counts real tokens", "[layers]") {
  torch::manual_seed(2);
  const Tensor x = numbered(4, 12), lengths = torch::tensor({{12}, {6}, {1}, {0}}), mask = torch::arange(12) < lengths;
  PatchDropout dropout({.rate = 0.5});
  const KeptPatches kept = dropout(x, mask);
  CHECK(kept.tokens.sizes() == at::IntArrayRef({4, 6, 3}));
  CHECK_THAT(kept.mask.sum(1), SameBits(torch::tensor({6, 3, 1, 0})));
  for (int64_t b = 0; b < 3; ++b) {
    const auto numbers = numbers_of(kept.tokens, b);
    const auto real = static_cast<size_t>(kept.mask[b].sum().item<int64_t>());
    for (size_t t = 0; t < real; ++t) {
      CHECK(kept.mask[b][static_cast<int64_t>(t)].item<bool>());
      CHECK(numbers[t] < static_cast<float>(100 * b + lengths[b].item<int64_t>()));
    }
  }
  const Tensor grads = torch::zeros({4, 12, 3}, torch::requires_grad());
  const KeptPatches once = dropout(grads, mask);
  once.tokens.masked_select(once.mask.unsqueeze(2)).sum().backward();
  CHECK(grads.grad().sum().item<float>() == 30);  // ten tokens of three values, each once
  CHECK(grads.grad().max().item<float>() == 1);
}

TEST_CASE("encoders of patches read all of them in evaluation and a share in training", "[layers]") {
  const auto pictures = [](double rate, Pooling pooling) {
    seed_everything(4);
    return VitEncoder({.image_size = 8, .patch_size = 2, .channels = 1, .dim = 8, .heads = 2, .layers = 2, .pooling = pooling, .patch_dropout = rate});
  };
  const ModalityInput picture{.values = torch::randn({3, 1, 8, 8})};
  for (const Pooling pooling : {Pooling::cls, Pooling::mean}) {
    VitEncoder all = pictures(0, pooling), some = pictures(0.75, pooling);
    const int64_t first = pooling == Pooling::cls ? 1 : 0;
    CHECK(some->forward(picture).tokens.size(1) == first + 4);
    some->eval(), all->eval();
    CHECK_THAT(some->forward(picture).pooled, SameBits(all->forward(picture).pooled));
    CHECK(some->forward(picture).tokens.size(1) == first + 16);
    all->train();
    CHECK(force_patch_dropout(*all, 0.5) == 1);
    CHECK(all->forward(picture).tokens.size(1) == first + 8);
    CHECK(all->record().options.at("patch_dropout").as_double() == 0);
  }
  SpectrogramTransformer sound({.mel_bins = 8, .patch_frames = 2, .patch_bins = 4, .dim = 8, .heads = 2, .layers = 1, .patch_dropout = 0.5});
  const ModalityInput frames{.values = torch::randn({2, 16, 8}), .mask = torch::arange(16) < torch::tensor({{16}, {8}})};
  const Features heard = sound->forward(frames);
  CHECK(heard.tokens.size(1) == 8);
  CHECK_THAT(heard.mask.sum(1), SameBits(torch::tensor({8, 4})));
  sound->eval();
  CHECK(sound->forward(frames).tokens.size(1) == 16);
}

TEST_CASE("patch dropout names a rate out of range", "[layers]") {
  CHECK_THROWS_WITH(VitEncoder({.image_size = 8, .patch_size = 4, .patch_dropout = 1.0}), ContainsSubstring("0 <= patch_dropout < 1, got 1"));
  CHECK_THROWS_WITH(SpectrogramTransformer({.patch_dropout = -0.1}), ContainsSubstring("0 <= patch_dropout < 1, got -0.1"));
  PatchDropout dropout({.prefix = 3});
  CHECK_THROWS_AS(dropout->force(1), ConfigError);
  CHECK_THROWS_AS(dropout->force(std::nan("")), ConfigError);
  CHECK_THROWS_AS(dropout(torch::zeros({2, 2, 4})), ShapeError);
}
