// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/preprocess/spec_augment.hpp>

using namespace alloy;

TEST_CASE("spec_augment", "[preprocess]") {
  const Tensor mel = torch::arange(100 * 30, torch::kFloat).view({100, 30});  // the mean, 1499.5, is none of the values
  SECTION("hides whole stretches of time, at most as long as asked, with the mean") {
    Random random(1);
    int64_t longest = 0, none = 0;
    for (int i = 0; i < 500; ++i) {
      const Tensor result = spec_augment(mel, {.time_masks = 1, .max_time = 12, .frequency_masks = 0}, random);
      const Tensor hidden = result != mel;
      const Tensor by_frame = hidden.all(1);
      REQUIRE(torch::equal(by_frame, hidden.any(1)));
      REQUIRE(result.masked_select(hidden).eq(1499.5).all().item<bool>());
      const int64_t width = by_frame.sum().item<int64_t>();
      if (width > 0) REQUIRE(by_frame.nonzero().max().item<int64_t>() - by_frame.nonzero().min().item<int64_t>() == width - 1);
      longest = std::max(longest, width);
      none += width == 0;
    }
    CHECK(longest == 12);
    CHECK((none > 15 && none < 70));  // 1 in 13
  }
  SECTION("hides bands of frequency") {
    Random random(2);
    const Tensor hidden = spec_augment(mel, {.time_masks = 0, .frequency_masks = 3, .max_frequency = 8}, random) != mel;
    CHECK(torch::equal(hidden.all(0), hidden.any(0)));
    CHECK(hidden.any().item<bool>());
    CHECK(hidden.any(0).sum().item<int64_t>() <= 24);
  }
  SECTION("the fraction limits masks of short spectrograms") {
    Random random(3);
    for (int i = 0; i < 100; ++i) {
      const Tensor hidden = spec_augment(mel.narrow(0, 0, 10), {.time_masks = 1, .max_time = 100, .max_time_fraction = 0.3, .frequency_masks = 0}, random) != mel.narrow(0, 0, 10);
      REQUIRE(hidden.any(1).sum().item<int64_t>() <= 3);
    }
  }
  SECTION("repeats by seed and leaves its input alone") {
    Random a(4), b(4);
    const Tensor before = mel.clone();
    const Tensor one = spec_augment(mel, {}, a);
    CHECK_THAT(spec_augment(mel, {}, b), SameBits(one));
    CHECK_THAT(mel, SameBits(before));
    CHECK_THAT(spec_augment(torch::ones({1, 1}), {}, a), SameBits(torch::ones({1, 1})));
  }
  SECTION("says what it expects") {
    Random random(5);
    CHECK_THROWS_WITH(spec_augment(torch::zeros({2, 3, 4}), {}, random), ContainsSubstring("[frames, mel_bins]"));
    CHECK_THROWS_AS(spec_augment(mel, {.time_masks = -1}, random), ConfigError);
    CHECK_THROWS_AS(spec_augment(mel, {.max_time_fraction = 1.5}, random), ConfigError);
  }
}
