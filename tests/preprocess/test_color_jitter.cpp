// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/preprocess/color_jitter.hpp>

using namespace alloy;

namespace {

/// The numbers that color_jitter draws of a seed.
struct Drawn {
  double brightness, contrast, saturation, turns;
};
Drawn drawn(uint64_t seed, const ColorJitterOptions& o) {
  Random random(seed);
  const double b = random.uniform(1 - o.brightness, 1 + o.brightness), c = random.uniform(1 - o.contrast, 1 + o.contrast);
  const double s = random.uniform(1 - o.saturation, 1 + o.saturation);
  return {b, c, s, random.uniform(-o.hue, o.hue)};
}
double luma(double r, double g, double b) { return 0.299 * r + 0.587 * g + 0.114 * b; }

}  // namespace

TEST_CASE("color_jitter", "[preprocess]") {
  const Tensor image = 0.3 + 0.4 * torch::rand({3, 5, 6}, torch::kDouble);  // far enough from 0 and 1 that nothing is cut
  const auto jitter = [&](const ColorJitterOptions& options, uint64_t seed) {
    Random random(seed);
    return color_jitter(image, options, random);
  };
  SECTION("nothing asked for, nothing changed") { CHECK_THAT(jitter({}, 1), AllClose(image, 1e-9)); }
  SECTION("brightness multiplies") {
    const ColorJitterOptions options{.brightness = 0.2};
    CHECK_THAT(jitter(options, 3), AllClose(image * drawn(3, options).brightness, 1e-9));
  }
  SECTION("contrast is about the mean luma") {
    const ColorJitterOptions options{.contrast = 0.4};
    const double c = drawn(4, options).contrast, mean = luma(image[0].mean().item<double>(), image[1].mean().item<double>(), image[2].mean().item<double>());
    CHECK_THAT(jitter(options, 4), AllClose(mean + c * (image - mean), 1e-9));
  }
  SECTION("saturation is about the luma of the pixel") {
    const ColorJitterOptions options{.saturation = 0.4};
    const Tensor gray = 0.299 * image[0] + 0.587 * image[1] + 0.114 * image[2];
    CHECK_THAT(jitter(options, 5), AllClose(gray + drawn(5, options).saturation * (image - gray), 1e-9));
  }
  SECTION("hue turns red to green to blue, and greys stay") {
    Tensor colours = torch::zeros({3, 1, 2}, torch::kDouble);
    colours.select(2, 0).copy_(torch::tensor({{1.0}, {0.0}, {0.0}}, torch::kDouble));
    colours.select(2, 1).fill_(0.5);
    bool forth = false, back = false;
    for (uint64_t seed = 0; seed < 300; ++seed) {
      const double turns = drawn(seed, {.hue = 0.5}).turns;
      Random random(seed);
      const Tensor out = color_jitter(colours, {.hue = 0.5}, random);
      CHECK_THAT(out.select(2, 1), AllClose(torch::full({3, 1}, 0.5, torch::kDouble), 1e-9));
      if (std::abs(turns - 1.0 / 3) < 0.004) {
        forth = true;
        CHECK(out[1][0][0].item<double>() > 0.95);
      }
      if (std::abs(turns + 1.0 / 3) < 0.004) {
        back = true;
        CHECK(out[2][0][0].item<double>() > 0.95);
      }
    }
    CHECK((forth && back));
  }
  SECTION("all four follow each other") {
    const ColorJitterOptions options{.brightness = 0.1, .contrast = 0.1, .saturation = 0.1, .hue = 0.02};
    const Drawn d = drawn(6, options);
    Tensor x = image * d.brightness;
    const double mean = luma(x[0].mean().item<double>(), x[1].mean().item<double>(), x[2].mean().item<double>());
    x = mean + d.contrast * (x - mean);
    const Tensor gray = (0.299 * x[0] + 0.587 * x[1] + 0.114 * x[2]).unsqueeze(0);
    x = gray + d.saturation * (x - gray);
    const double angle = 2 * 3.14159265358979323846 * d.turns;  // about k = (1, 1, 1) / sqrt 3: Rodrigues
    const Tensor k = torch::full({3}, 1 / std::sqrt(3.0), torch::kDouble);
    const Tensor v = x.flatten(1), along = at::matmul(k, v).unsqueeze(0) * k.unsqueeze(1);
    const Tensor expected = v * std::cos(angle) + at::linalg_cross(k.unsqueeze(1).expand_as(v), v, 0) * std::sin(angle) + along * (1 - std::cos(angle));
    CHECK_THAT(jitter(options, 6), AllClose(expected.view_as(image), 1e-9));
  }
  SECTION("values stay in 0..1; grey pictures have brightness and contrast") {
    Random random(7);
    for (int i = 0; i < 50; ++i) {
      const Tensor out = color_jitter(torch::rand({3, 4, 4}), {.brightness = 2, .contrast = 2, .saturation = 2, .hue = 0.5}, random);
      REQUIRE((out.min().item<float>() >= 0 && out.max().item<float>() <= 1));
    }
    const ColorJitterOptions options{.brightness = 0.2, .contrast = 0.2, .saturation = 0.9, .hue = 0.5};
    const Tensor gray = image.slice(0, 0, 1);
    const Drawn d = drawn(8, options);
    const double mean = gray.mean().item<double>();
    Random again(8);
    CHECK_THAT(color_jitter(gray, options, again), AllClose(d.brightness * (mean + d.contrast * (gray - mean)), 1e-9));
  }
  SECTION("the input stays as it is, and what is wrong is named") {
    const Tensor before = image.clone();
    jitter({.brightness = 0.5}, 9).zero_();
    CHECK_THAT(image, SameBits(before));
    Random random(1);
    CHECK_THROWS_WITH(color_jitter(torch::zeros({2, 4, 4}), {}, random), ContainsSubstring("[1 or 3, H, W]") && ContainsSubstring("[2, 4, 4]"));
    CHECK_THROWS_AS(color_jitter(torch::zeros({3, 4, 4}, torch::kByte), {}, random), ShapeError);
    CHECK_THROWS_WITH(color_jitter(image, {.hue = 0.6}, random), ContainsSubstring("hue in 0..0.5, got 0.6"));
    CHECK_THROWS_AS(color_jitter(image, {.contrast = -1}, random), ConfigError);
  }
}
