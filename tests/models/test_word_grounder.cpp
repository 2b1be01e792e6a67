// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core/random.hpp>
#include <alloy/models/word_grounder.hpp>

#include <limits>

using namespace alloy;

namespace {

RegionEncoderOptions small_regions() { return {.widths = {8, 8}, .groups = 4, .bins = 2, .dim = 16, .relation_layers = 1}; }

GroundingInput make_input() {
  torch::manual_seed(9);
  const Tensor low = torch::rand({2, 3, 2}) * 10;
  return {.pictures = torch::randn({2, 3, 24, 24}),
          .boxes = torch::cat({low, low + 4 + torch::rand({2, 3, 2}) * 8}, 2),
          .region_mask = torch::tensor({{true, true, true}, {true, true, false}}),
          .picture_of = torch::tensor({0, 1, 1}),
          .words = torch::randint(1, 20, {3, 4}, at::kLong),
          .word_mask = torch::tensor({{true, true, true, true}, {true, true, true, false}, {true, true, false, false}}),
          .speaks = torch::tensor({{false, true, true, true}, {true, false, true, false}, {true, true, false, false}}),
          .phrase = torch::tensor({{false, true, true, false}, {true, false, false, false}, {true, true, false, false}})};
}

}  // namespace

TEST_CASE("box_geometry", "[models]") {
  const Tensor boxes = torch::tensor({{{0.0, 0.0, 4.0, 4.0}, {6.0, 0.0, 14.0, 4.0}}});
  const Tensor g = box_geometry(boxes, {.height = 10, .width = 20});
  REQUIRE(g.sizes() == at::IntArrayRef({1, 2, 2, kBoxGeometry}));
  // middles in units of the picture: (-0.8, -0.6) and (0, -0.6)
  const double d = 0.8;
  CHECK_THAT(g[0][0][1], AllClose(torch::tensor({d, 0.0, 1.0, 0.0, d, std::sqrt(d), std::log(2.0), 0.0}), 1e-4));
  CHECK_THAT(g[0][1][0], AllClose(torch::tensor({-d, 0.0, -1.0, 0.0, d, std::sqrt(d), -std::log(2.0), 0.0}), 1e-4));
  CHECK(box_geometry(torch::zeros({1, 2, 4}), {.height = 1, .width = 1}).isfinite().all().item<bool>());
  CHECK_THROWS_AS(box_geometry(boxes, {}), ConfigError);
}

TEST_CASE("RegionEncoder", "[models]") {
  seed_everything(1);
  const GroundingInput in = make_input();
  RegionEncoder encoder(small_regions());
  const RegionFeatures out = encoder(in.pictures, in.boxes, in.region_mask);
  REQUIRE(out.values.sizes() == at::IntArrayRef({2, 3, 16}));
  CHECK(out.values[1][2].abs().max().item<float>() == 0);
  SECTION("what a masked box holds changes nothing, nor does how many there are") {
    const Tensor nan = torch::full({2, 2, 4}, std::numeric_limits<float>::quiet_NaN());
    const Tensor boxes = torch::cat({in.boxes.masked_fill(in.region_mask.logical_not().unsqueeze(2), 1e30), nan}, 1);
    const RegionFeatures padded = encoder(in.pictures, boxes, torch::cat({in.region_mask, torch::zeros({2, 2}, at::kBool)}, 1));
    CHECK_THAT(padded.values.slice(1, 0, 3), AllClose(out.values, 1e-5));
    CHECK_THAT(encoder(in.pictures.slice(0, 1), in.boxes.slice(0, 1).slice(1, 0, 2)).values, AllClose(out.values.slice(0, 1).slice(1, 0, 2), 1e-5));
  }
  SECTION("the order of the regions does not matter; what is around a region does, with relations alone") {
    const Tensor order = torch::tensor({2, 0, 1});
    CHECK_THAT(encoder(in.pictures, in.boxes.index_select(1, order)).values,
               AllClose(encoder(in.pictures, in.boxes).values.index_select(1, order), 1e-5));
    Tensor other = in.boxes.clone();
    other.select(1, 1).add_(torch::tensor({2.0, 3.0, 2.0, 3.0}));
    RegionEncoderOptions blind_options = small_regions();
    blind_options.relation_layers = 0;
    blind_options.places = false;
    RegionEncoder blind(blind_options);
    CHECK_THAT(blind(in.pictures, other).values.select(1, 0), AllClose(blind(in.pictures, in.boxes).values.select(1, 0), 1e-5));
    CHECK_FALSE(at::allclose(encoder(in.pictures, other).values.select(1, 0), encoder(in.pictures, in.boxes).values.select(1, 0), 1e-4, 1e-4));
  }
  SECTION("what lies outside of a box does not matter where regions are seen alone, and does in a map of the picture") {
    RegionEncoderOptions options = small_regions();
    options.relation_layers = 0;
    options.places = false;
    const Tensor box = torch::tensor({{{6.0, 6.0, 14.0, 14.0}}}), picture = torch::randn({1, 3, 24, 24});
    Tensor other = torch::randn({1, 3, 24, 24});
    // With a margin, since samples in the outermost half pixel of a box take in the next one.
    other.slice(2, 5, 15).slice(3, 5, 15).copy_(picture.slice(2, 5, 15).slice(3, 5, 15));
    const auto same = [&](RegionView view, const Tensor& of, const Tensor& at) {
      options.view = view;
      seed_everything(2);
      RegionEncoder region(options);
      return at::allclose(region(picture, box).values, region(of, at).values, 1e-5, 1e-5);
    };
    CHECK(same(RegionView::box, other, box));
    CHECK_FALSE(same(RegionView::picture, other, box));
    // Nor does the place: the same things farther to the right and lower.
    CHECK(same(RegionView::box, picture.roll({8, 9}, {2, 3}), box + torch::tensor({9.0, 8.0, 9.0, 8.0})));
    CHECK_FALSE(same(RegionView::box, picture.roll({8, 9}, {2, 3}), box));
  }
  SECTION("a side that is no multiple of the stride changes no scale") {
    RegionEncoderOptions options = small_regions();
    options.widths = {8};
    options.relation_layers = 0;
    options.places = false;
    RegionEncoder alone(options);
    // At a scale of 1 / 2 the first samples the last column of the map, 31.6 to 32; the second lies outside.
    const Tensor edge = torch::tensor({{{64.2, 10.0, 65.0, 20.0}, {200.0, 10.0, 201.0, 20.0}}});
    const Tensor values = alone(torch::randn({1, 3, 33, 64}), edge).values;
    CHECK_FALSE(at::allclose(values[0][0], values[0][1], 1e-4, 1e-4));
  }
  CHECK_THROWS_AS(RegionEncoder({.bins = 0}), ConfigError);
  CHECK_THROWS_AS(encoder(in.pictures, in.boxes.slice(0, 1)), ShapeError);
  CHECK_THROWS_AS(encoder(in.pictures.slice(1, 1), in.boxes), ShapeError);
}

TEST_CASE("WordGrounder", "[models]") {
  seed_everything(2);
  const GroundingInput in = make_input();
  WordGrounder model({.dim = 12, .regions = small_regions(), .text = {.vocab_size = 20, .dim = 16, .heads = 2, .layers = 1, .max_length = 8}});
  const Grounding out = model(in);
  CHECK(out.similarity.sizes() == at::IntArrayRef({3, 4, 3}));
  CHECK(out.word_regions.eq(-1).equal(in.speaks.logical_not()));
  CHECK_THAT(out.phrase_boxes[0], SameBits(in.boxes[0][out.phrase_regions[0].item<int64_t>()]));
  CHECK_THAT(out.phrase_boxes[2], SameBits(in.boxes[1][out.phrase_regions[2].item<int64_t>()]));

  Tensor meant = torch::zeros({3, 4, 3}, at::kBool);
  meant[0].select(1, 1).fill_(true), meant[1].select(1, 0).fill_(true), meant[2].select(1, 1).fill_(true);
  const double before = model->loss(in, meant).item<double>();
  model->loss(in, meant).backward();
  for (const auto& p : model->named_parameters()) {
    INFO(p.key());
    CHECK(p.value().grad().defined());
    CHECK(p.value().grad().isfinite().all().item<bool>());
  }
  for (int step = 0; step < 40; ++step) {  // it can be learnt by heart
    model->zero_grad();
    model->loss(in, meant).backward();
    const torch::NoGradGuard no_grad;
    for (auto& p : model->parameters()) p.sub_(0.05 * p.grad());
  }
  CHECK(model->loss(in, meant).item<double>() < 0.3 * before);
  CHECK_THAT(model(in).phrase_regions, SameBits(torch::tensor({1, 0, 1})));

  const WordGrounder copy = clone(model);
  CHECK_THAT(WordGrounder(copy)(in).similarity, AllClose(model(in).similarity, 1e-6));
  GroundingInput bad = in;
  bad.picture_of = torch::tensor({0, 1, 2});
  CHECK_THROWS_AS(model(bad), DataError);
  bad.picture_of = torch::tensor({0, 1});
  CHECK_THROWS_AS(model(bad), ShapeError);
}
