// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alignment/projection.hpp>

#include <limits>

using namespace alloy;

namespace {

Tensor doubles(std::initializer_list<double> values, at::IntArrayRef sizes) {
  return torch::tensor(at::ArrayRef<double>(values), at::kDouble).view(sizes);
}

/// 30 degrees about y, then moved.
Camera camera() {
  const double c = std::cos(0.5235987755982988), s = 0.5;
  return {.intrinsics = doubles({100, 0.5, 32, 0, 120, 24, 0, 0, 1}, {3, 3}),
          .extrinsics = doubles({c, 0, s, 0.2, 0, 1, 0, -0.1, -s, 0, c, 0.3}, {3, 4}),
          .distortion = doubles({0.1, -0.02, 0.003, -0.002, 0.01}, {5})};
}

/// The formulas of OpenCV's manual, one point at a time.
std::array<double, 3> by_hand(const Camera& k, std::array<double, 3> w) {
  std::array<double, 3> p{};
  for (int64_t i = 0; i < 3; ++i) {
    p[static_cast<size_t>(i)] = k.extrinsics[i][3].item<double>();
    for (int64_t j = 0; j < 3; ++j) p[static_cast<size_t>(i)] += k.extrinsics[i][j].item<double>() * w[static_cast<size_t>(j)];
  }
  const double x = p[0] / p[2], y = p[1] / p[2], r2 = x * x + y * y;
  const auto d = [&](int64_t i) { return k.distortion[i].item<double>(); };
  const double radial = 1 + d(0) * r2 + d(1) * r2 * r2 + d(4) * r2 * r2 * r2;
  const double u = x * radial + 2 * d(2) * x * y + d(3) * (r2 + 2 * x * x), v = y * radial + d(2) * (r2 + 2 * y * y) + 2 * d(3) * x * y;
  return {100 * u + 0.5 * v + 32, 120 * v + 24, p[2]};
}

}  // namespace

TEST_CASE("project_points", "[alignment]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Camera k = camera();
  const Tensor points = doubles({0.1, 0.2, 2, -0.5, 0.3, 3, 0.4, -0.6, 1.5}, {3, 3});
  SECTION("values by hand") {
    const ProjectedPoints out = project_points(points, k);
    for (int64_t i = 0; i < 3; ++i) {
      const auto wanted = by_hand(k, {points[i][0].item<double>(), points[i][1].item<double>(), points[i][2].item<double>()});
      CHECK_THAT(out.pixels[i][0].item<double>(), WithinAbs(wanted[0], 1e-9));
      CHECK_THAT(out.pixels[i][1].item<double>(), WithinAbs(wanted[1], 1e-9));
      CHECK_THAT(out.depth[i].item<double>(), WithinAbs(wanted[2], 1e-12));
    }
    CHECK(out.visible.all().item<bool>());
    Camera square = k;  // [4, 4] is the same, and so is a batch
    square.extrinsics = torch::cat({k.extrinsics, doubles({0, 0, 0, 1}, {1, 4})});
    CHECK_THAT(project_points(points.view({1, 3, 3}), square).pixels[0], AllClose(out.pixels, 1e-12));
    const Camera plain{.intrinsics = torch::eye(3)};
    CHECK_THAT(project_points(torch::tensor({{2.0, 4.0, 2.0}}), plain).pixels, AllClose(torch::tensor({{1.0, 2.0}})));
  }
  SECTION("what is behind, not finite or outside is masked, without values and gradients") {
    const Camera plain{.intrinsics = torch::eye(3, at::kDouble)};
    const Tensor mixed =
        doubles({1, 1, 1, 1, 1, -1, 1, 1, 0, nan, 1, 1, 1, 1, std::numeric_limits<double>::infinity(), 9, 1, 1}, {6, 3}).requires_grad_(true);
    const ProjectedPoints all = project_points(mixed, plain), inside = project_points(mixed, plain, {.picture = {.height = 4, .width = 4}});
    CHECK_THAT(all.visible, SameBits(torch::tensor({true, false, false, false, false, true})));
    CHECK_THAT(inside.visible, SameBits(torch::tensor({true, false, false, false, false, false})));
    CHECK_THAT(inside.pixels.detach(), AllClose(doubles({1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, {6, 2})));
    CHECK_THAT(all.depth.detach(), AllClose(doubles({1, -1, 0, 0, 0, 1}, {6})));
    (inside.pixels.sum() + all.pixels.sum()).backward();
    CHECK(mixed.grad().isfinite().all().item<bool>());
    CHECK(mixed.grad().slice(0, 1, 5).abs().max().item<double>() == 0);
    CHECK(mixed.grad()[0].abs().max().item<double>() > 0);
    CHECK(project_points(doubles({0, 0, 0.5}, {1, 3}), plain, {.nearest = 1}).visible.item<bool>() == false);
    // the border of a picture: its outer edges are half a pixel beyond the outer middles
    const Tensor edge = doubles({-0.5, 0, 1, -0.51, 0, 1, 3.49, 0, 1, 3.5, 0, 1}, {4, 3});
    CHECK_THAT(project_points(edge, plain, {.picture = {.height = 4, .width = 4}}).visible, SameBits(torch::tensor({true, false, true, false})));
    CHECK(project_points(torch::zeros({0, 3}, at::kDouble), plain).pixels.sizes() == at::IntArrayRef({0, 2}));
  }
  SECTION("gradients by points and camera") {
    Camera leaf = camera();
    const Tensor x = points.clone().requires_grad_(true);
    for (Tensor* part : {&leaf.intrinsics, &leaf.extrinsics, &leaf.distortion}) part->requires_grad_(true);
    const Tensor weights = doubles({1, 2, -1, 0.5, 3, 1}, {3, 2});
    CHECK(gradient_error(
              [&] {
                const auto out = project_points(x, leaf);
                return (out.pixels * weights).sum() + out.depth.square().sum();
              },
              {x, leaf.intrinsics, leaf.extrinsics, leaf.distortion}) < 1e-6);
  }
  SECTION("depth pictures to points and back") {
    Camera rectified = camera();
    rectified.distortion = Tensor();
    torch::manual_seed(1);
    Tensor depth = torch::rand({5, 7}, at::kDouble) * 4 + 1;
    depth[2][3] = 0, depth[4][1] = nan;
    const Tensor world = depth_to_points(depth, rectified);
    const ProjectedPoints out = project_points(world, rectified);
    const Tensor known = depth > 0;
    CHECK_THAT(out.visible, SameBits(known));
    const Tensor grid = torch::stack({torch::arange(7, at::kDouble).expand({5, 7}), torch::arange(5, at::kDouble).view({5, 1}).expand({5, 7})}, 2);
    CHECK_THAT(out.pixels, AllClose(torch::where(known.unsqueeze(2), grid, torch::zeros({}, at::kDouble)), 1e-9));
    CHECK_THAT(out.depth.masked_select(known), AllClose(depth.masked_select(known), 1e-9));
    const Tensor leaf = (torch::rand({2, 3}, at::kDouble) + 1).requires_grad_(true), weights = torch::rand({2, 3, 3}, at::kDouble);
    CHECK(gradient_error([&] { return (depth_to_points(leaf, rectified) * weights).sum(); }, {leaf}) < 1e-6);
    CHECK_THROWS_AS(depth_to_points(depth, camera()), ConfigError);
    rectified.extrinsics = torch::zeros({3, 4}, at::kDouble);
    CHECK_THROWS_AS(depth_to_points(depth, rectified), DataError);
  }
  SECTION("refused") {
    Camera bad = camera();
    bad.intrinsics = doubles({0, 0, 1, 0, 1, 1, 0, 0, 1}, {3, 3});
    CHECK_THROWS_WITH(project_points(points, bad), ContainsSubstring("expected focal lengths other than 0, got 0 and 1"));
    bad.intrinsics = torch::full({3, 3}, nan, at::kDouble);
    CHECK_THROWS_AS(project_points(points, bad), DataError);
    bad = camera();
    bad.extrinsics = torch::eye(3, at::kDouble);
    CHECK_THROWS_AS(project_points(points, bad), ShapeError);
    CHECK_THROWS_AS(project_points(points.to(at::kFloat), camera()), ShapeError);
    CHECK_THROWS_AS(project_points(torch::zeros({3, 2}, at::kDouble), camera()), ShapeError);
    CHECK_THROWS_AS(project_points(points, camera(), {.nearest = 0}), ConfigError);
    CHECK_THROWS_AS(project_points(points, camera(), {.picture = {.height = 4}}), ConfigError);
  }
}
