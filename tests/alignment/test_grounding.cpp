// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alignment/grounding.hpp>

#include <limits>

using namespace alloy;

TEST_CASE("ground_words", "[alignment]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  // three regions along axes, the last of the second sample masked; words lean to one of them
  const Tensor regions =
      torch::tensor({{{2.0, 0.0, 0.0}, {0.0, 1.0, 0.0}, {0.0, 0.0, 5.0}}, {{1.0, 0.0, 0.0}, {0.0, 1.0, 0.0}, {nan, nan, nan}}}, at::kDouble);
  const Tensor boxes = torch::arange(24, at::kDouble).view({2, 3, 4}), region_mask = torch::tensor({{true, true, true}, {true, true, false}});
  const Tensor words =
      torch::tensor({{{0.6, 0.8, 0.0}, {3.0, 0.0, 4.0}, {nan, nan, nan}}, {{0.0, 2.0, 9.0}, {1.0, 0.0, 0.0}, {0.0, 0.0, 0.0}}}, at::kDouble);
  const Tensor word_mask = torch::tensor({{true, true, false}, {true, true, true}});
  const Grounding out = ground_words({words, word_mask}, {regions, boxes, region_mask});
  SECTION("words") {
    CHECK_THAT(out.similarity[0][0], AllClose(torch::tensor({0.6, 0.8, 0.0}, at::kDouble)));
    CHECK_THAT(out.similarity[0][1], AllClose(torch::tensor({0.6, 0.0, 0.8}, at::kDouble)));
    CHECK_THAT(out.word_regions, SameBits(torch::tensor({{1, 2, -1}, {1, 0, 0}})));
    CHECK_THAT(out.word_scores[0], AllClose(torch::tensor({0.8, 0.8, 0.0}, at::kDouble)));
    CHECK_THAT(out.word_boxes[0], AllClose(torch::stack({boxes[0][1], boxes[0][2], torch::zeros({4}, at::kDouble)})));
    CHECK_THAT(out.word_scores[1][0].item<double>(), WithinAbs(2 / std::sqrt(85.0), 1e-12));  // not the masked region
  }
  SECTION("phrases") {
    CHECK_THAT(out.phrase_scores[0], AllClose(torch::tensor({0.6, 0.4, 0.4}, at::kDouble)));
    CHECK(out.phrase_regions[0].item<int64_t>() == 0);
    CHECK_THAT(out.phrase_boxes[0], AllClose(boxes[0][0]));
    const Grounding one = ground_words({words, word_mask}, {regions, boxes, region_mask}, torch::tensor({{false, true, true}, {true, false, false}}));
    CHECK_THAT(one.phrase_regions, SameBits(torch::tensor({2, 1})));
    CHECK(one.phrase_scores[1][2].item<double>() == -std::numeric_limits<double>::infinity());
    CHECK_THAT(one.word_regions, SameBits(out.word_regions));
  }
  SECTION("padding changes nothing; a sample alone is the same") {
    const auto pad = [&](const Tensor& x, double value) { return torch::cat({x, torch::full({x.size(0), 2, x.size(2)}, value, x.options())}, 1); };
    const auto more = [](const Tensor& mask) { return torch::cat({mask, torch::zeros({mask.size(0), 2}, at::kBool)}, 1); };
    const Grounding padded = ground_words({pad(words, nan), more(word_mask)}, {pad(regions, 1e30), pad(boxes, nan), more(region_mask)});
    CHECK_THAT(padded.word_regions.slice(1, 0, 3), SameBits(out.word_regions));
    CHECK_THAT(padded.similarity.slice(1, 0, 3).slice(2, 0, 3), AllClose(out.similarity, 1e-12));
    CHECK_THAT(padded.phrase_regions, SameBits(out.phrase_regions));
    const Grounding alone =
        ground_words({words.slice(0, 1), word_mask.slice(0, 1)}, {regions.slice(0, 1), boxes.slice(0, 1), region_mask.slice(0, 1)});
    CHECK_THAT(alone.phrase_scores, SameBits(out.phrase_scores.slice(0, 1)));
  }
  SECTION("gradients") {
    torch::manual_seed(1);
    const Tensor w = torch::randn({2, 3, 4}, at::kDouble).requires_grad_(true), r = torch::randn({2, 3, 4}, at::kDouble).requires_grad_(true),
                 weights = torch::rand({2, 3, 3}, at::kDouble);
    const auto value = [&] {
      const Grounding g = ground_words({w, word_mask}, {r, boxes, region_mask});
      return (g.similarity * weights).sum() + g.word_scores.square().sum() + g.phrase_scores.masked_select(region_mask).exp().sum();
    };
    CHECK(gradient_error(value, {w, r}) < 1e-6);
    const Tensor dirty = words.clone().requires_grad_(true);
    ground_words({dirty, word_mask}, {regions, boxes, region_mask}).word_scores.sum().backward();
    CHECK(dirty.grad().isfinite().all().item<bool>());
  }
  SECTION("refused") {
    const Tensor none = torch::zeros({2, 3}, at::kBool);
    CHECK_THROWS_AS(ground_words({words, word_mask}, {regions, boxes, none}), DataError);
    CHECK_THROWS_AS(ground_words({words, none}, {regions, boxes, region_mask}), DataError);
    CHECK_THROWS_WITH(ground_words({words, word_mask}, {regions, boxes, region_mask}, torch::tensor({{false, false, true}, {true, true, true}})),
                      ContainsSubstring("expected a real word in every phrase"));
    CHECK_THROWS_AS(ground_words({words.slice(2, 0, 2)}, {regions, boxes}), ShapeError);
    CHECK_THROWS_AS(ground_words({words}, {regions, boxes.slice(1, 0, 2)}), ShapeError);
    CHECK_THROWS_AS(ground_words({words.slice(0, 0, 1)}, {regions, boxes}), ShapeError);
  }
}
