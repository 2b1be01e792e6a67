// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/preprocess/background.hpp>

using namespace alloy;

TEST_CASE("flatten_alpha", "[preprocess]") {
  const auto pixel = [](std::vector<int> values) { return torch::tensor(values).to(torch::kByte).view({1, 1, -1}); };
  SECTION("rounds what shines through") {
    CHECK_THAT(flatten_alpha(pixel({10, 20, 30, 255}), {1.0}), SameBits(pixel({10, 20, 30})));
    CHECK_THAT(flatten_alpha(pixel({10, 20, 30, 0}), {0.0, 0.5, 1.0}), SameBits(pixel({0, 128, 255})));
    CHECK_THAT(flatten_alpha(pixel({200, 128}), {0.0}), SameBits(pixel({100})));  // 100.39
    CHECK_THAT(flatten_alpha(pixel({0, 100}), {1.0}), SameBits(pixel({155})));
  }
  SECTION("every value of a pixel and its alpha is the nearest") {
    Tensor image = torch::empty({256, 256, 2}, torch::kByte);
    image.select(2, 0).copy_(torch::arange(256).unsqueeze(1)), image.select(2, 1).copy_(torch::arange(256).unsqueeze(0));
    const Tensor value = image.select(2, 0).to(torch::kDouble), alpha = image.select(2, 1).to(torch::kDouble) / 255;
    const Tensor exact = value * alpha + 51 * (1 - alpha);
    CHECK((flatten_alpha(image, {0.2}).squeeze(2).to(torch::kDouble) - exact).abs().max().item<double>() <= 0.5 + 1e-9);
  }
  SECTION("names what is wrong") {
    CHECK_THROWS_WITH(flatten_alpha(pixel({1, 2, 3}), {1.0}), ContainsSubstring("uint8 [H, W, 2 or 4]") && ContainsSubstring("[1, 1, 3]"));
    CHECK_THROWS_AS(flatten_alpha(torch::zeros({1, 1, 4}), {1.0}), ShapeError);
    CHECK_THROWS_WITH(flatten_alpha(pixel({1, 2, 3, 4}), {1.0, 0.5}), ContainsSubstring("1 or 3 values of colour, got 2"));
    CHECK_THROWS_AS(flatten_alpha(pixel({1, 2}), {1.5}), ConfigError);
  }
}

TEST_CASE("random_backdrop", "[preprocess]") {
  Random random(1);
  SECTION("plain colours") {
    double sum = 0;
    for (int i = 0; i < 200; ++i) {
      const Tensor plain = random_backdrop(3, {4, 5}, {.gradient = 0}, random);
      REQUIRE(plain.sizes() == at::IntArrayRef({3, 4, 5}));
      REQUIRE(plain.is_contiguous());
      REQUIRE(torch::equal(plain, plain.slice(1, 0, 1).slice(2, 0, 1).expand_as(plain)));
      sum += plain[0][0][0].item<double>();
    }
    CHECK_THAT(sum / 200, WithinAbs(0.5, 0.08));
  }
  SECTION("gradients are straight, stay in 0..1 and run every way") {
    int right = 0, down = 0;
    for (int i = 0; i < 200; ++i) {
      const Tensor g = random_backdrop(3, {6, 9}, {.gradient = 1}, random);
      REQUIRE((g.min().item<float>() >= 0 && g.max().item<float>() <= 1));
      const Tensor dx = g.slice(2, 1) - g.slice(2, 0, -1), dy = g.slice(1, 1) - g.slice(1, 0, -1);
      REQUIRE((dx - dx.mean({1, 2}, true)).abs().max().item<float>() < 1e-5);
      REQUIRE((dy - dy.mean({1, 2}, true)).abs().max().item<float>() < 1e-5);
      right += dx[0][0][0].item<float>() > 0, down += dy[0][0][0].item<float>() > 0;
    }
    CHECK((right > 60 && right < 140 && down > 60 && down < 140));
  }
  SECTION("checks its options") {
    CHECK_THROWS_AS(random_backdrop(2, {4, 4}, {}, random), ConfigError);
    CHECK_THROWS_AS(random_backdrop(3, {4, 4}, {.gradient = 2}, random), ConfigError);
  }
}

TEST_CASE("random_background", "[preprocess]") {
  const Tensor colours = torch::rand({3, 4, 4});
  const auto with_alpha = [&](double alpha) { return torch::cat({colours, torch::full({1, 4, 4}, alpha)}); };
  Random a(5), b(5);
  CHECK_THAT(random_background(with_alpha(1.0), {}, a), AllClose(colours));
  CHECK_THAT(random_background(with_alpha(0.0), {}, a = Random(5)), AllClose(random_backdrop(3, {4, 4}, {}, b)));
  CHECK_THAT(random_background(with_alpha(0.25), {}, a = Random(5)), AllClose(0.25 * colours + 0.75 * random_backdrop(3, {4, 4}, {}, b = Random(5))));
  CHECK(random_background(torch::rand({2, 4, 4}), {}, a).size(0) == 1);
  CHECK_THROWS_WITH(random_background(colours, {}, a), ContainsSubstring("[2 or 4, H, W] with alpha"));
}
