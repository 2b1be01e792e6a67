// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/preprocess/image_affine.hpp>

using namespace alloy;

namespace {

/// What affine_image says, point by point: the place of each pixel of the result is sought by solving the forward map.
Tensor by_definition(const Tensor& image, const AffineMove& m, double fill) {
  const auto in = image.accessor<double, 3>();
  const int64_t height = image.size(1), width = image.size(2);
  Tensor out = torch::empty_like(image);
  const double turn = m.rotation * 3.14159265358979323846 / 180, lean = std::tan(m.shear * 3.14159265358979323846 / 180);
  const double cx = 0.5 * static_cast<double>(width - 1), cy = 0.5 * static_cast<double>(height - 1);
  const auto value = [&](int64_t c, int64_t y, int64_t x) { return y >= 0 && y < height && x >= 0 && x < width ? in[c][y][x] : fill; };
  for (int64_t c = 0; c < image.size(0); ++c)
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x) {
        // undo in reverse: shift, turn (counter-clockwise with y down), scale, shear
        const double sx = static_cast<double>(x) - cx - m.right, sy = static_cast<double>(y) - cy - m.down;
        const double tx = (std::cos(turn) * sx - std::sin(turn) * sy) / m.scale, ty = (std::sin(turn) * sx + std::cos(turn) * sy) / m.scale;
        const double u = tx - lean * ty + cx, v = ty + cy;
        const double u0 = std::floor(u), v0 = std::floor(v), a = u - u0, b = v - v0;
        const auto i = static_cast<int64_t>(u0), j = static_cast<int64_t>(v0);
        out[c][y][x] = (1 - b) * ((1 - a) * value(c, j, i) + a * value(c, j, i + 1)) + b * ((1 - a) * value(c, j + 1, i) + a * value(c, j + 1, i + 1));
      }
  return out;
}

}  // namespace

TEST_CASE("affine_image", "[preprocess]") {
  const Tensor image = torch::arange(1.f, 10.f).view({1, 3, 3});  // 1 2 3 / 4 5 6 / 7 8 9
  SECTION("nothing moves, nothing changes") { CHECK_THAT(affine_image(image, {}), AllClose(image)); }
  SECTION("turns counter-clockwise") {
    CHECK_THAT(affine_image(image, {.rotation = 90}), AllClose(torch::tensor({{{3.f, 6.f, 9.f}, {2.f, 5.f, 8.f}, {1.f, 4.f, 7.f}}}), 1e-5));
    CHECK_THAT(affine_image(image, {.rotation = 180}), AllClose(image.flip({1, 2}), 1e-5));
  }
  SECTION("shifts to the right and down, and fills") {
    CHECK_THAT(affine_image(image, {.right = 1}, {-1}), AllClose(torch::tensor({{{-1.f, 1.f, 2.f}, {-1.f, 4.f, 5.f}, {-1.f, 7.f, 8.f}}})));
    CHECK_THAT(affine_image(image, {.down = 0.5}), AllClose(torch::tensor({{{0.5f, 1.f, 1.5f}, {2.5f, 3.5f, 4.5f}, {5.5f, 6.5f, 7.5f}}})));
    CHECK_THAT(affine_image(image, {.right = 100}, {0.25}), AllClose(torch::full({1, 3, 3}, 0.25)));
  }
  SECTION("scales about the middle") {
    CHECK_THAT(affine_image(image, {.scale = 2}), AllClose(torch::tensor({{{3.f, 3.5f, 4.f}, {4.5f, 5.f, 5.5f}, {6.f, 6.5f, 7.f}}})));
    CHECK_THAT(affine_image(image, {.scale = 0.5})[0][1], AllClose(torch::tensor({0.f, 5.f, 0.f})));
  }
  SECTION("shears the top to the left") {
    CHECK_THAT(affine_image(image, {.shear = 45}), AllClose(torch::tensor({{{2.f, 3.f, 0.f}, {4.f, 5.f, 6.f}, {0.f, 7.f, 8.f}}}), 1e-5));
  }
  SECTION("all at once, as defined") {
    Random random(1);
    for (int i = 0; i < 20; ++i) {
      const Tensor picture = torch::rand({2, 7, 11}, torch::kDouble);
      const AffineMove move{.rotation = random.uniform(-180, 180), .right = random.uniform(-4, 4), .down = random.uniform(-4, 4), .scale = random.uniform(0.4, 2.5), .shear = random.uniform(-50, 50)};
      CHECK_THAT(affine_image(picture, move, {0.3}), AllClose(by_definition(picture, move, 0.3), 1e-9));
      CHECK_THAT(affine_image(picture.to(torch::kFloat), move, {0.3}), AllClose(by_definition(picture, move, 0.3).to(torch::kFloat), 1e-5));
    }
  }
  SECTION("a fill of its own for each channel; half precision") {
    const Tensor moved = affine_image(torch::ones({3, 2, 2}), {.right = 5}, {0.1, 0.2, 0.3});
    CHECK_THAT(moved.select(1, 0).select(1, 0), AllClose(torch::tensor({0.1f, 0.2f, 0.3f})));
    CHECK(affine_image(image.to(torch::kHalf), {.rotation = 10}).scalar_type() == torch::kHalf);
  }
  SECTION("names what is wrong") {
    CHECK_THROWS_WITH(affine_image(image, {.scale = 0}), ContainsSubstring("scale > 0") && ContainsSubstring("got 0"));
    CHECK_THROWS_AS(affine_image(image, {.rotation = NAN}), ConfigError);
    CHECK_THROWS_AS(affine_image(image, {.shear = 89}), ConfigError);
    CHECK_THROWS_WITH(affine_image(image, {}, {1, 2}), ContainsSubstring("1 or 1 finite values of fill, got 2"));
    CHECK_THROWS_AS(affine_image(torch::zeros({3, 3}), {}), ShapeError);
    CHECK_THROWS_AS(affine_image(torch::zeros({1, 3, 3}, torch::kByte), {}), ShapeError);
  }
}

TEST_CASE("random_affine", "[preprocess]") {
  Random random(2);
  SECTION("the same seed gives the same picture, and the input stays") {
    const Tensor image = torch::rand({3, 9, 9}), before = image.clone();
    const RandomAffineOptions options{.rotation = 30, .shift = 0.2, .min_scale = 0.8, .max_scale = 1.2, .shear = 10};
    Random a(7), b(7), c(8);
    const Tensor one = random_affine(image, options, a);
    CHECK_THAT(random_affine(image, options, b), SameBits(one));
    CHECK_FALSE(torch::equal(random_affine(image, options, c), one));
    CHECK_THAT(image, SameBits(before));
    CHECK_THAT(random_affine(image, {}, a), AllClose(image));
  }
  SECTION("moves up to what is asked for, each way") {
    // A bright line: its mean place shows the shift.
    Tensor image = torch::zeros({1, 1, 41});
    image.slice(2, 18, 23).fill_(1);
    const Tensor places = torch::arange(41.f);
    double least = 100, most = -100;
    for (int i = 0; i < 400; ++i) {
      const Tensor moved = random_affine(image, {.shift = 0.25}, random);
      if (moved.sum().item<double>() < 1) continue;  // shifted down and out
      const double right = ((moved * places).sum() / moved.sum()).item<double>() - 20;
      least = std::min(least, right), most = std::max(most, right);
    }
    CHECK((least > -10.5 && least < -9 && most < 10.5 && most > 9));
  }
  SECTION("scales as often up as down") {
    Tensor square = torch::zeros({1, 41, 41});
    square.slice(1, 15, 26).slice(2, 15, 26).fill_(1);
    int larger = 0;
    for (int i = 0; i < 400; ++i) {
      const double area = random_affine(square, {.min_scale = 0.5, .max_scale = 2}, random).sum().item<double>();
      REQUIRE((area > 25 && area < 500));
      larger += area > 121;
    }
    CHECK((larger > 150 && larger < 250));
  }
  SECTION("checks its options") {
    const Tensor image = torch::ones({1, 2, 2});
    CHECK_THROWS_WITH(random_affine(image, {.rotation = 181}, random), ContainsSubstring("rotation in 0..180, got 181"));
    CHECK_THROWS_AS(random_affine(image, {.shift = -0.1}, random), ConfigError);
    CHECK_THROWS_AS(random_affine(image, {.min_scale = 1.5}, random), ConfigError);
    CHECK_THROWS_AS(random_affine(image, {.shear = 81}, random), ConfigError);
    CHECK_THROWS_AS(random_affine(image, {.fill = {}}, random), ConfigError);
  }
}
