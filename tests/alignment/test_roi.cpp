// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alignment/roi.hpp>
#include <alloy/core/threads.hpp>

#include <limits>

using namespace alloy;

namespace {

struct Scene {
  Tensor features, boxes, images;
};

/// Boxes inside, across the border, outside, of no size, and as large as the map.
Scene scene(at::ScalarType type, int64_t channels = 5) {
  torch::manual_seed(5);
  return {torch::randn({2, channels, 9, 12}, at::kDouble).to(type),
          torch::tensor({{1.2, 2.3, 17.9, 12.6},
                         {-5.0, -7.0, 6.0, 9.0},
                         {15.1, 10.2, 40.0, 30.0},
                         {200.0, 200.0, 300.0, 260.0},
                         {6.4, 6.4, 6.4, 6.4},
                         {0.0, 0.0, 24.0, 18.0},
                         {3.3, 1.1, 4.0, 17.2}},
                        at::kDouble)
              .to(type),
          torch::tensor({0, 1, 1, 0, 0, 1, 0})};
}

double at_pixel(const double* map, int64_t h, int64_t w, double y, double x) {
  if (y < -1 || y > static_cast<double>(h) || x < -1 || x > static_cast<double>(w)) return 0;
  y = std::max(y, 0.0), x = std::max(x, 0.0);
  auto y0 = static_cast<int64_t>(y), x0 = static_cast<int64_t>(x);
  if (y0 >= h - 1) y0 = h - 1, y = static_cast<double>(y0);
  if (x0 >= w - 1) x0 = w - 1, x = static_cast<double>(x0);
  const int64_t y1 = std::min(y0 + 1, h - 1), x1 = std::min(x0 + 1, w - 1);
  const double b = y - static_cast<double>(y0), r = x - static_cast<double>(x0);
  const auto v = [&](int64_t i, int64_t j) { return map[i * w + j]; };
  return (1 - b) * ((1 - r) * v(y0, x0) + r * v(y0, x1)) + b * ((1 - r) * v(y1, x0) + r * v(y1, x1));
}

/// One sample after the other.
Tensor slow_roi_align(const Scene& s, const RoiAlignOptions& o) {
  const Tensor f = s.features.to(at::kDouble).contiguous(), boxes = s.boxes.to(at::kDouble) * o.spatial_scale;
  Tensor out = torch::zeros({boxes.size(0), f.size(1), o.height, o.width}, at::kDouble);
  const bool edges = o.origin == RoiOrigin::pixel_edges;
  for (int64_t n = 0; n < boxes.size(0); ++n) {
    const auto v = [&](int64_t k) { return boxes[n][k].item<double>() - (edges ? 0.5 : 0.0); };
    const double left = v(0), top = v(1);
    double width = v(2) - left, height = v(3) - top;
    if (!edges) width = std::max(width, 1.0), height = std::max(height, 1.0);
    const double bin_w = width / static_cast<double>(o.width), bin_h = height / static_cast<double>(o.height);
    const auto gx = o.sampling_ratio > 0 ? o.sampling_ratio : static_cast<int64_t>(std::ceil(bin_w)),
               gy = o.sampling_ratio > 0 ? o.sampling_ratio : static_cast<int64_t>(std::ceil(bin_h));
    for (int64_t c = 0; c < f.size(1); ++c) {
      const double* map = f.const_data_ptr<double>() + (s.images[n].item<int64_t>() * f.size(1) + c) * f.size(2) * f.size(3);
      for (int64_t p = 0; p < o.height; ++p)
        for (int64_t q = 0; q < o.width; ++q) {
          double sum = 0;
          for (int64_t i = 0; i < gy; ++i)
            for (int64_t j = 0; j < gx; ++j)
              sum += at_pixel(map, f.size(2), f.size(3),
                              top + (static_cast<double>(p) + (static_cast<double>(i) + 0.5) / static_cast<double>(gy)) * bin_h,
                              left + (static_cast<double>(q) + (static_cast<double>(j) + 0.5) / static_cast<double>(gx)) * bin_w);
          out[n][c][p][q] = sum / static_cast<double>(std::max<int64_t>(gx * gy, 1));
        }
    }
  }
  return out;
}

Tensor slow_roi_pool(const Scene& s, const RoiPoolOptions& o) {
  const Tensor f = s.features.to(at::kDouble);
  Tensor out = torch::zeros({s.boxes.size(0), f.size(1), o.height, o.width}, at::kDouble);
  for (int64_t n = 0; n < s.boxes.size(0); ++n) {
    const auto edge = [&](int64_t k) { return std::round(s.boxes[n][k].item<double>() * o.spatial_scale); };
    const auto range = [](double from, double to, int64_t bin, int64_t bins, int64_t size) {
      const double extent = std::max(to - from + 1, 1.0) / static_cast<double>(bins);
      const auto begin = static_cast<int64_t>(std::floor(static_cast<double>(bin) * extent) + from),
                 end = static_cast<int64_t>(std::ceil(static_cast<double>(bin + 1) * extent) + from);
      return std::pair{std::clamp<int64_t>(begin, 0, size), std::clamp<int64_t>(end, 0, size)};
    };
    for (int64_t p = 0; p < o.height; ++p)
      for (int64_t q = 0; q < o.width; ++q) {
        const auto [y0, y1] = range(edge(1), edge(3), p, o.height, f.size(2));
        const auto [x0, x1] = range(edge(0), edge(2), q, o.width, f.size(3));
        if (y1 > y0 && x1 > x0) out[n].select(1, p).select(1, q).copy_(f[s.images[n].item<int64_t>()].slice(1, y0, y1).slice(2, x0, x1).amax({1, 2}));
      }
  }
  return out;
}

}  // namespace

TEST_CASE("roi_align is the mean of bilinear samples", "[alignment]") {
  for (const int64_t ratio : {0, 1, 2, 3})
    for (const auto& [origin, name] : enum_names(RoiOrigin{})) {
      INFO("sampling ratio " << ratio << ", " << name);
      const RoiAlignOptions o{.height = 3, .width = 2, .spatial_scale = 0.5, .sampling_ratio = ratio, .origin = origin};
      const Scene d = scene(at::kDouble), f = scene(at::kFloat, 37);  // 37: whole vectors and a rest
      CHECK_THAT(roi_align(d.features, d.boxes, d.images, o), AllClose(slow_roi_align(d, o), 1e-12));
      CHECK_THAT(roi_align(f.features, f.boxes, f.images, o), AllClose(slow_roi_align(f, o).to(at::kFloat), 2e-5));
      const Tensor last = f.features.contiguous(at::MemoryFormat::ChannelsLast), out = roi_align(last, f.boxes, f.images, o);
      CHECK(out.is_contiguous(at::MemoryFormat::ChannelsLast));
      CHECK_THAT(out.contiguous(), SameBits(roi_align(f.features, f.boxes, f.images, o)));
    }
}

TEST_CASE("roi_align", "[alignment]") {
  const Scene s = scene(at::kDouble);
  const RoiAlignOptions o{.height = 3, .width = 2, .spatial_scale = 0.5};
  SECTION("gradient") {
    for (const auto origin : {RoiOrigin::pixel_edges, RoiOrigin::pixel_middles}) {
      RoiAlignOptions other = o;
      other.origin = origin;
      const Tensor x = s.features.slice(1, 0, 1).clone().requires_grad_(true), weights = torch::rand({7, 1, 3, 2}, at::kDouble);
      CHECK(gradient_error([&] { return (roi_align(x, s.boxes, s.images, other) * weights).sum(); }, {x}) < 1e-6);
    }
    // float, channels over a block of a thread, either memory format and any number of threads
    const Scene f = scene(at::kFloat, 130);
    const Tensor x = f.features.clone().requires_grad_(true), weights = torch::rand({7, 130, 3, 2}),
                 in_double = f.features.to(at::kDouble).requires_grad_(true);
    const auto grad = [&](const Tensor& input, const Tensor& leaf) {
      return torch::autograd::grad({(roi_align(input, f.boxes.to(input.scalar_type()), f.images, o) * weights.to(input.scalar_type())).sum()},
                                   {leaf})[0];
    };
    const Tensor wanted = grad(in_double, in_double).to(at::kFloat), one = [&] {
      const ThreadScope alone(1);
      return grad(x, x);
    }();
    CHECK_THAT(one, AllClose(wanted, 1e-5));
    CHECK_THAT(
        [&] {
          const ThreadScope two(2);
          return grad(x, x);
        }(),
        SameBits(one));
    CHECK_THAT(grad(x.contiguous(at::MemoryFormat::ChannelsLast), x), AllClose(one, 1e-6));
  }
  SECTION("a list an image is the same") {
    const std::vector<Tensor> lists = {s.boxes.index_select(0, torch::tensor({0, 3, 4, 6})), s.boxes.index_select(0, torch::tensor({1, 2, 5}))};
    CHECK_THAT(roi_align(s.features, lists, o),
               SameBits(roi_align(s.features, s.boxes, s.images, o).index_select(0, torch::tensor({0, 3, 4, 6, 1, 2, 5}))));
    CHECK(roi_align(s.features, {torch::zeros({0, 4}, at::kDouble), torch::zeros({0, 4}, at::kDouble)}, o).sizes() == at::IntArrayRef({0, 5, 3, 2}));
    CHECK_THROWS_AS(roi_align(s.features, {s.boxes}, o), ShapeError);
    const std::vector<Tensor> none;
    CHECK_THROWS_AS(roi_align(s.features.slice(0, 0, 0), none, o), ShapeError);
    CHECK_THROWS_WITH(roi_pool(s.features.slice(0, 0, 0), none), ContainsSubstring("at least one image"));
  }
  SECTION("a linear map gives its value at the middle of each bin") {
    const Tensor map = (torch::arange(9, at::kDouble).view({9, 1}) * 3 + torch::arange(12, at::kDouble).view({1, 12})).view({1, 1, 9, 12});
    const Tensor out = roi_align(map, torch::tensor({{2.0, 2.0, 6.0, 5.0}}, at::kDouble), torch::zeros({1}, at::kLong),
                                 {.height = 1, .width = 2, .sampling_ratio = 2});
    CHECK_THAT(out.flatten(), AllClose(torch::tensor({3.0 * 3.0 + 2.5, 3.0 * 3.0 + 4.5}, at::kDouble), 1e-12));  // pixel middles are at 0.5
  }
  SECTION("boxes that reach very far cost no more than the map") {
    const Tensor far = torch::tensor({{-1.6e7, -1.6e7, 1.6e7, 1.6e7}}, at::kDouble);
    CHECK(roi_align(s.features, far, torch::zeros({1}, at::kLong), {.height = 1, .width = 1}).abs().max().item<double>() < 1e-6);
  }
  SECTION("no boxes, no gradient but zeros") {
    const Tensor x = s.features.clone().requires_grad_(true);
    roi_align(x, torch::zeros({0, 4}, at::kDouble), torch::zeros({0}, at::kLong)).sum().backward();
    CHECK(x.grad().abs().max().item<double>() == 0);
  }
}

TEST_CASE("roi_pool", "[alignment]") {
  const RoiPoolOptions o{.height = 3, .width = 2, .spatial_scale = 0.5};
  for (const auto type : {at::kDouble, at::kFloat}) {
    const Scene s = scene(type);
    CHECK_THAT(roi_pool(s.features, s.boxes, s.images, o), AllClose(slow_roi_pool(s, o).to(type), 1e-7));
  }
  const Scene s = scene(at::kDouble);
  const Tensor x = s.features.clone().requires_grad_(true), weights = torch::rand({7, 5, 3, 2}, at::kDouble);
  CHECK(gradient_error([&] { return (roi_pool(x, s.boxes, s.images, o) * weights).sum(); }, {x}) < 1e-6);
  const std::vector<Tensor> lists = {s.boxes.slice(0, 0, 3), s.boxes.slice(0, 3, 7)};
  CHECK_THAT(roi_pool(s.features, lists, o), SameBits(roi_pool(s.features, s.boxes, torch::tensor({0, 0, 0, 1, 1, 1, 1}), o)));
  CHECK(roi_pool(s.features, torch::zeros({0, 4}, at::kDouble), torch::zeros({0}, at::kLong), o).sizes() == at::IntArrayRef({0, 5, 3, 2}));
}

TEST_CASE("regions that are refused", "[alignment]") {
  const Scene s = scene(at::kFloat);
  const auto both = [&](const Tensor& features, const Tensor& boxes, const Tensor& images, const auto& expect) {
    expect([=] { roi_align(features, boxes, images); });
    expect([=] { roi_pool(features, boxes, images); });
  };
  const auto data = [](const auto& call) { CHECK_THROWS_AS(call(), DataError); };
  const auto shape = [](const auto& call) { CHECK_THROWS_AS(call(), ShapeError); };
  const Tensor one = torch::zeros({1}, at::kLong), box = torch::tensor({{0.0, 0.0, 1.0, 1.0}});
  both(s.features, torch::tensor({{5.0, 0.0, 1.0, 1.0}}), one, data);
  both(s.features, torch::full({1, 4}, std::numeric_limits<float>::quiet_NaN()), one, data);
  both(s.features, torch::tensor({{0.0, 0.0, 1e9, 1.0}}), one, data);
  both(s.features, box, torch::tensor({2}), data);
  both(s.features, box, torch::tensor({-1}), data);
  both(s.features, box, torch::tensor({0.0}), shape);
  both(s.features, box, torch::tensor({0, 1}), shape);
  both(s.features[0], box, one, shape);
  both(s.features.to(at::kHalf), box, one, shape);
  both(torch::zeros({1, 0, 3, 3}), box, one, shape);
  both(s.features, torch::zeros({1, 5}), one, shape);
  CHECK_THROWS_AS(roi_align(s.features, box, one, {.height = 0}), ConfigError);
  CHECK_THROWS_AS(roi_align(s.features, box, one, {.spatial_scale = 0}), ConfigError);
  CHECK_THROWS_AS(roi_align(s.features, box, one, {.sampling_ratio = -1}), ConfigError);
  CHECK_THROWS_AS(roi_pool(s.features, box, one, {.width = 5000}), ConfigError);
  CHECK_THROWS_WITH(roi_align(s.features, box, torch::tensor({7})), ContainsSubstring("expected images in 0..1, got 7..7"));
}
