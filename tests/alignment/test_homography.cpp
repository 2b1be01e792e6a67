// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alignment/homography.hpp>

#include <limits>

using namespace alloy;

namespace {

Tensor matrix(std::initializer_list<double> values) { return torch::tensor(at::ArrayRef<double>(values), at::kDouble).view({3, 3}); }

/// A slow wave, which bilinear reading hardly changes.
Tensor smooth_picture(int64_t height, int64_t width) {
  const Tensor y = torch::arange(height, at::kDouble).view({height, 1}), x = torch::arange(width, at::kDouble).view({1, width});
  return ((x * 0.21).sin() + (y * 0.17 + x * 0.05).cos()).view({1, 1, height, width});
}

}  // namespace

TEST_CASE("warp_homography", "[alignment]") {
  torch::manual_seed(4);
  const Tensor picture = torch::randn({2, 3, 6, 8}, at::kDouble), tilted = matrix({1.1, 0.1, -0.7, -0.05, 0.9, 0.4, 0.01, -0.02, 1});
  SECTION("the identity, a shift by whole pixels, another scale of the matrix") {
    const WarpedPicture same = warp_homography(picture, torch::eye(3, at::kDouble), {.height = 6, .width = 8});
    CHECK_THAT(same.values, AllClose(picture, 1e-12));
    CHECK(same.mask.all().item<bool>());
    const Tensor shift = matrix({1, 0, 2, 0, 1, 1, 0, 0, 1});
    const WarpedPicture moved = warp_homography(picture, shift, {.height = 6, .width = 8});
    CHECK_THAT(moved.values.slice(2, 1).slice(3, 2), AllClose(picture.slice(2, 0, 5).slice(3, 0, 6), 1e-12));
    CHECK(moved.values.slice(2, 0, 1).abs().max().item<double>() == 0);
    CHECK(moved.mask.slice(1, 1).slice(2, 2).all().item<bool>());
    CHECK_FALSE(moved.mask.slice(1, 0, 1).any().item<bool>());
    CHECK_FALSE(moved.mask.slice(2, 0, 2).any().item<bool>());
    for (const double scale : {-3.0, 1e-9}) {
      const WarpedPicture again = warp_homography(picture, scale * shift, {.height = 6, .width = 8});
      CHECK_THAT(again.values, AllClose(moved.values, 1e-9));
      CHECK_THAT(again.mask, SameBits(moved.mask));
    }
  }
  SECTION("each pixel is what lies at the mapped place") {
    const WarpedPicture out = warp_homography(picture, tilted, {.height = 7, .width = 5});
    const Tensor back = at::linalg_inv(tilted);
    int64_t seen = 0;
    for (int64_t v = 0; v < 7; ++v)
      for (int64_t u = 0; u < 5; ++u) {
        const Tensor p = back.matmul(torch::tensor({static_cast<double>(u), static_cast<double>(v), 1.0}, at::kDouble));
        const double x = (p[0] / p[2]).item<double>(), y = (p[1] / p[2]).item<double>();
        const bool inside = x >= 0 && y >= 0 && x <= 7 && y <= 5;
        CHECK(out.mask[0][v][u].item<bool>() == inside);
        if (!inside) continue;
        ++seen;
        const auto x0 = std::min<int64_t>(static_cast<int64_t>(x), 6), y0 = std::min<int64_t>(static_cast<int64_t>(y), 4);
        const double r = x - static_cast<double>(x0), b = y - static_cast<double>(y0);
        const Tensor wanted = (1 - b) * ((1 - r) * picture.select(2, y0).select(2, x0) + r * picture.select(2, y0).select(2, x0 + 1)) +
                              b * ((1 - r) * picture.select(2, y0 + 1).select(2, x0) + r * picture.select(2, y0 + 1).select(2, x0 + 1));
        CHECK_THAT(out.values.select(2, v).select(2, u), AllClose(wanted, 1e-9));
      }
    CHECK(seen > 10);
    CHECK(seen < 35);
  }
  SECTION("there and back") {
    const Tensor smooth = smooth_picture(40, 50), h = matrix({0.95, 0.08, 3, -0.06, 1.02, 2, 0.0004, -0.0003, 1});
    const WarpedPicture there = warp_homography(smooth, h, {.height = 44, .width = 56}),
                        back = warp_homography(there.values, at::linalg_inv(h), {.height = 40, .width = 50});
    const Tensor inner = back.mask.slice(1, 4, 36).slice(2, 4, 46);
    CHECK(inner.all().item<bool>());
    CHECK((back.values - smooth).slice(2, 4, 36).slice(3, 4, 46).abs().max().item<double>() < 0.02);
    const Tensor points = torch::rand({9, 2}, at::kDouble) * 30;
    CHECK_THAT(apply_homography(apply_homography(points, h), at::linalg_inv(h)), AllClose(points, 1e-9));
    CHECK_FALSE(at::allclose(apply_homography(points, h), points, 1e-3, 1e-3));
  }
  SECTION("behind the horizon there is nothing") {
    const Tensor h = matrix({1, 0, 0, 0, 1, 0, 0.2, 0, 1});  // x' = x / (1 + x / 5) stays below 5
    const WarpedPicture out = warp_homography(picture, h, {.height = 6, .width = 12});
    CHECK_FALSE(out.mask.slice(2, 5).any().item<bool>());
    CHECK(out.values.isfinite().all().item<bool>());
  }
  SECTION("gradients, one matrix a picture") {
    const Tensor x = torch::randn({2, 1, 5, 6}, at::kDouble).requires_grad_(true), weights = torch::rand({2, 1, 4, 5}, at::kDouble);
    const Tensor h = torch::stack({tilted, matrix({0.9, 0.03, 0.31, 0.02, 1.07, 0.23, 0.003, 0.004, 1})}).requires_grad_(true);
    CHECK(gradient_error([&] { return (warp_homography(x, h, {.height = 4, .width = 5}).values * weights).sum(); }, {x, h}, 1e-7) < 1e-6);
    const Tensor one = torch::randn({1, 1, 1, 1}, at::kDouble);  // a picture of one pixel
    CHECK_THAT(warp_homography(one, torch::eye(3, at::kDouble), {.height = 1, .width = 2}).values.flatten(),
               AllClose(torch::cat({one.flatten(), torch::zeros({1}, at::kDouble)}), 1e-12));
  }
  SECTION("refused") {
    CHECK_THROWS_WITH(warp_homography(picture, matrix({1, 2, 3, 2, 4, 6, 0, 0, 1}), {.height = 2, .width = 2}),
                      ContainsSubstring("singular one at 0"));
    CHECK_THROWS_AS(warp_homography(picture, torch::zeros({3, 3}, at::kDouble), {.height = 2, .width = 2}), DataError);
    CHECK_THROWS_AS(warp_homography(picture, torch::full({3, 3}, std::numeric_limits<double>::quiet_NaN(), at::kDouble), {.height = 2, .width = 2}),
                    DataError);
    CHECK_THROWS_AS(warp_homography(picture, torch::eye(3, at::kDouble).expand({3, 3, 3}), {.height = 2, .width = 2}), ShapeError);
    CHECK_THROWS_AS(warp_homography(picture, torch::eye(3), {.height = 2, .width = 2}), ShapeError);
    CHECK_THROWS_AS(warp_homography(picture, torch::eye(3, at::kDouble), {.height = 0, .width = 2}), ConfigError);
    CHECK_THROWS_AS(warp_homography(picture[0], torch::eye(3, at::kDouble), {.height = 2, .width = 2}), ShapeError);
    CHECK_THROWS_AS(apply_homography(torch::zeros({2, 3}), torch::eye(3)), ShapeError);
  }
}
