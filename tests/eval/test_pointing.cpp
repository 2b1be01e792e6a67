// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/eval/pointing.hpp>

#include <cmath>

using namespace alloy;

TEST_CASE("grouped_mean", "[eval]") {
  SECTION("the mean of all values, whatever the groups") {
    const Tensor values = torch::tensor({1.f, 0.f, 0.f, 1.f, 1.f});
    const Score plain = grouped_mean(values), grouped = grouped_mean(values, torch::tensor({4, 4, 0, 0, 7}, at::kLong));
    CHECK_THAT(plain.value, WithinAbs(0.6, 1e-12));
    CHECK_THAT(grouped.value, WithinAbs(0.6, 1e-12));
    CHECK(plain.low < 0.6);
    CHECK(plain.high > 0.6);
    CHECK_THAT(grouped_mean(values.to(at::kBool)).value, WithinAbs(0.6, 1e-12));
  }
  SECTION("values of a group are no further evidence") {
    // 40 answers, of 10 pictures whose answers are all alike: as uncertain as 10 answers.
    const Tensor answers = torch::tensor({1.f, 0.f, 1.f, 1.f, 0.f, 1.f, 0.f, 1.f, 1.f, 0.f});
    const Score ten = grouped_mean(answers), forty = grouped_mean(answers.repeat_interleave(4)),
                grouped = grouped_mean(answers.repeat_interleave(4), torch::arange(10).repeat_interleave(4));
    CHECK_THAT(grouped.high - grouped.low, WithinAbs(ten.high - ten.low, 1e-9));
    CHECK(forty.high - forty.low < 0.7 * (grouped.high - grouped.low));
  }
  SECTION("of few groups the interval holds the mean about as often as it says; of one there is none") {
    torch::manual_seed(3);
    int held = 0;
    constexpr int kTrials = 200;
    for (int i = 0; i < kTrials; ++i) {
      const Score score = grouped_mean(torch::randn({6}).repeat_interleave(3), torch::arange(6).repeat_interleave(3), {.resamples = 200});
      held += score.low <= 0 && score.high >= 0;
    }
    CHECK(held >= 0.9 * kTrials);  // a plain bootstrap: 86 %
    CHECK(std::isnan(grouped_mean(torch::ones({3}), torch::zeros({3}, at::kLong)).low));
  }
  SECTION("errors") {
    CHECK_THROWS_AS(grouped_mean(torch::empty({0})), DataError);
    CHECK_THROWS_AS(grouped_mean(torch::ones({3}), torch::zeros({2}, at::kLong)), ShapeError);
    CHECK_THROWS_AS(grouped_mean(torch::ones({1}), torch::full({1}, -1, at::kLong)), DataError);
  }
}

TEST_CASE("preference", "[eval]") {
  CHECK_THAT(preference(torch::tensor({1.f, 2.f, 3.f, 3.f}), torch::tensor({2.f, 1.f, 3.f, 3.f + 5e-7f})),
             AllClose(torch::tensor({0.f, 1.f, 0.5f, 0.5f})));
  CHECK_THROWS_AS(preference(torch::ones({2}), torch::ones({3})), ShapeError);
}

TEST_CASE("pointing_picture", "[eval]") {
  Tensor right = torch::zeros({4, 6}, at::kBool);
  right[1][2] = true;
  const Image image = pointing_picture(torch::full({4, 6}, 0.6), right, 3, 5, {.zoom = 3});
  CHECK(image.width == 18);
  CHECK(image.height == 12);
  REQUIRE(image.pixels.size() == 18 * 12 * 3);
  const auto colour = [&](int64_t y, int64_t x) {
    const auto* p = image.pixels.data() + 3 * (y * 18 + x);
    return std::vector<int>{p[0], p[1], p[2]};
  };
  CHECK(colour(0, 0) == std::vector<int>{127, 127, 127});
  CHECK(colour(3, 6) == colour(5, 8));  // corners of the outlined pixel
  CHECK(colour(3, 6) != colour(0, 0));
  CHECK(colour(4, 7) == colour(0, 0));                     // its middle
  CHECK(colour(10, 12) == std::vector<int>{255, 196, 0});  // an arm of the cross
  const Image plain = pointing_picture(torch::full({4, 6}, 0.6), {}, -1, -1, {.zoom = 1});
  CHECK(plain.pixels == std::vector<uint8_t>(4 * 6 * 3, 127));
  CHECK_THROWS_AS(pointing_picture(torch::ones({4, 6}), right.slice(0, 1), 0, 0), ShapeError);
  CHECK_THROWS_AS(pointing_picture(torch::ones({4, 6}), right, 0, 0, {.zoom = 0}), ConfigError);
}
