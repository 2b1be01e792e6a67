// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alignment/boxes.hpp>

#include <limits>

using namespace alloy;

namespace {

/// Boxes with sides > 0, some of which overlap.
Tensor some_boxes(int64_t count, uint64_t seed, at::ScalarType type = at::kDouble) {
  torch::manual_seed(seed);
  const Tensor low = torch::rand({count, 2}, at::kDouble) * 6;
  return torch::cat({low, low + 0.5 + torch::rand({count, 2}, at::kDouble) * 5}, 1).to(type);
}

/// IoU and generalised IoU of two boxes as one writes them down.
std::pair<double, double> by_hand(const double* a, const double* b) {
  const double w = std::max(0.0, std::min(a[2], b[2]) - std::max(a[0], b[0])), h = std::max(0.0, std::min(a[3], b[3]) - std::max(a[1], b[1]));
  const double together = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h;
  const double hull = (std::max(a[2], b[2]) - std::min(a[0], b[0])) * (std::max(a[3], b[3]) - std::min(a[1], b[1]));
  return {w * h / together, w * h / together - (hull - together) / hull};
}

}  // namespace

TEST_CASE("box_convert and clip_boxes", "[alignment]") {
  const Tensor xyxy = torch::tensor({{1.0, 2.0, 5.0, 10.0}}), xywh = torch::tensor({{1.0, 2.0, 4.0, 8.0}}),
               cxcywh = torch::tensor({{3.0, 6.0, 4.0, 8.0}});
  const std::vector<std::pair<BoxFormat, Tensor>> forms = {{BoxFormat::xyxy, xyxy}, {BoxFormat::xywh, xywh}, {BoxFormat::cxcywh, cxcywh}};
  for (const auto& [from, given] : forms)
    for (const auto& [to, wanted] : forms) {
      INFO(name_of(from) << " to " << name_of(to));
      CHECK_THAT(box_convert(given, from, to), AllClose(wanted));
    }
  CHECK(box_convert(torch::zeros({2, 3, 0, 4}), BoxFormat::xyxy, BoxFormat::xywh).sizes() == at::IntArrayRef({2, 3, 0, 4}));
  CHECK_THAT(clip_boxes(torch::tensor({{-3.0, 2.0, 5.0, 99.0}, {20.0, 20.0, 30.0, 30.0}}), {.height = 8, .width = 10}),
             AllClose(torch::tensor({{0.0, 2.0, 5.0, 8.0}, {10.0, 8.0, 10.0, 8.0}})));
  CHECK(box_area(clip_boxes(torch::tensor({{20.0, 20.0, 30.0, 30.0}}), {.height = 8, .width = 10})).item<double>() == 0);
  CHECK_THROWS_AS(clip_boxes(xyxy, {.height = 0, .width = 3}), ConfigError);
  CHECK_THROWS_AS(clip_boxes(torch::full({1, 4}, std::numeric_limits<double>::quiet_NaN()), {.height = 1, .width = 1}), DataError);
  CHECK_THROWS_WITH(box_convert(torch::zeros({2, 5}), BoxFormat::xyxy, BoxFormat::xywh), ContainsSubstring("expected boxes [..., 4], got"));
}

TEST_CASE("box_iou and giou", "[alignment]") {
  const Tensor a = some_boxes(7, 1), b = some_boxes(5, 2);
  const Tensor iou = box_iou(a, b), generalised = giou(a, b);
  SECTION("values, pair by pair") {
    for (int64_t i = 0; i < 7; ++i)
      for (int64_t j = 0; j < 5; ++j) {
        const auto [plain, wide] = by_hand(a.const_data_ptr<double>() + 4 * i, b.const_data_ptr<double>() + 4 * j);
        CHECK_THAT(iou[i][j].item<double>(), WithinAbs(plain, 1e-12));
        CHECK_THAT(generalised[i][j].item<double>(), WithinAbs(wide, 1e-12));
      }
    CHECK((iou > 0).any().item<bool>());
    CHECK((iou == 0).any().item<bool>());
    // two unit squares two apart: nothing shared, hull 3, union 2
    CHECK_THAT(giou(torch::tensor({{0.0, 0.0, 1.0, 1.0}}), torch::tensor({{2.0, 0.0, 3.0, 1.0}})).item<double>(), WithinAbs(-1.0 / 3, 1e-6));
  }
  SECTION("symmetric, 1 with itself, in its range, no less than the generalised") {
    CHECK_THAT(box_iou(b, a).t().contiguous(), AllClose(iou, 1e-12));
    CHECK_THAT(giou(b, a).t().contiguous(), AllClose(generalised, 1e-12));
    CHECK_THAT(box_iou(a, a).diagonal().contiguous(), AllClose(torch::ones({7}, at::kDouble), 1e-12));
    CHECK_THAT(giou(a, a).diagonal().contiguous(), AllClose(torch::ones({7}, at::kDouble), 1e-12));
    CHECK(generalised.min().item<double>() > -1);
    CHECK((generalised <= iou + 1e-12).all().item<bool>());
    CHECK_THAT(paired_giou(a.slice(0, 0, 5), b), AllClose(generalised.slice(0, 0, 5).diagonal().contiguous(), 1e-12));
  }
  SECTION("gradients") {
    const Tensor x = a.clone().requires_grad_(true), y = b.clone().requires_grad_(true),
                 weights = torch::linspace(0.2, 1.7, 35, at::kDouble).view({7, 5});
    CHECK(gradient_error([&] { return (box_iou(x, y) * weights).sum(); }, {x, y}) < 1e-6);
    CHECK(gradient_error([&] { return (giou(x, y) * weights).sum(); }, {x, y}) < 1e-6);
    const Tensor far = torch::tensor({{50.0, 50.0, 51.0, 52.0}}, at::kDouble).requires_grad_(true);  // no overlap, still a way to go
    paired_giou(far, a.slice(0, 0, 1)).sum().backward();
    const Tensor moved = far.grad().slice(1, 0, 2) + far.grad().slice(1, 2, 4);  // of the whole box
    CHECK((moved < 0).all().item<bool>());                                       // nearer to the other is better
  }
  SECTION("boxes without area") {
    const Tensor point = torch::tensor({{1.0, 1.0, 1.0, 1.0}}).requires_grad_(true),
                 other = torch::tensor({{1.0, 1.0, 1.0, 1.0}, {0.0, 0.0, 2.0, 2.0}});
    CHECK_THAT(box_iou(point, other).detach(), AllClose(torch::tensor({{0.0, 0.0}})));
    (box_iou(point, other).sum() + giou(point, other).sum()).backward();
    CHECK(point.grad().isfinite().all().item<bool>());
    CHECK(box_iou(torch::zeros({0, 4}), other).sizes() == at::IntArrayRef({0, 2}));
    CHECK(giou(other, torch::zeros({0, 4})).sizes() == at::IntArrayRef({2, 0}));
  }
  SECTION("refused") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_WITH(box_iou(torch::tensor({{0.0, 0.0, 1.0, 1.0}, {3.0, 0.0, 1.0, 1.0}}), torch::zeros({1, 4})),
                      ContainsSubstring("got (3, 0, 1, 1) in row 1"));
    CHECK_THROWS_AS(giou(torch::tensor({{0.0, 0.0, nan, 1.0}}), torch::zeros({1, 4})), DataError);
    CHECK_THROWS_AS(box_area(torch::full({1, 4}, std::numeric_limits<double>::infinity())), DataError);
    CHECK_THROWS_AS(box_iou(torch::zeros({2, 5}), torch::zeros({1, 4})), ShapeError);
    CHECK_THROWS_AS(box_iou(torch::zeros({2, 4}), torch::zeros({1, 4}, at::kDouble)), ShapeError);
    CHECK_THROWS_AS(box_iou(torch::zeros({2, 4}, at::kLong), torch::zeros({1, 4}, at::kLong)), ShapeError);
    CHECK_THROWS_AS(paired_giou(torch::zeros({2, 4}), torch::zeros({1, 4})), ShapeError);
  }
}
