// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core/json.hpp>
#include <alloy/core/random.hpp>
#include <alloy/preprocess/series.hpp>

using namespace alloy;

namespace {

constexpr float kGap = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

Tensor seconds(std::vector<double> values) { return torch::tensor(values, torch::kDouble); }
bool same(const Tensor& a, const Tensor& b) { return a.sizes() == b.sizes() && at::allclose(a, b, 1e-6, 1e-6, /*equal_nan=*/true); }

}  // namespace

TEST_CASE("sort_and_merge", "[preprocess]") {
  SECTION("sorts, averages what shares a stamp, keeps gaps apart") {
    const Series series{.times = seconds({2, 0, 1, 0, 2, 0}),
                        .values = torch::tensor({{5.f, kGap}, {1.f, 10.f}, {3.f, kGap}, {2.f, kGap}, {kGap, kInf}, {6.f, 20.f}})};
    const Series merged = sort_and_merge(series);
    CHECK_THAT(merged.times, SameBits(seconds({0, 1, 2})));
    CHECK(same(merged.values, torch::tensor({{3.f, 15.f}, {3.f, kGap}, {5.f, kGap}})));
    CHECK(same(sort_and_merge(merged).values, merged.values));
  }
  SECTION("the order of what is listed does not matter") {
    Random random(1);
    const Tensor times = torch::arange(200, torch::kDouble).floor_divide(3);
    const Tensor values = torch::rand({200, 2}, torch::kDouble);
    const Series straight = sort_and_merge({.times = times, .values = values});
    const Tensor order = torch::tensor(random.permutation(200));
    const Series shuffled = sort_and_merge({.times = times.index_select(0, order), .values = values.index_select(0, order)});
    CHECK_THAT(shuffled.times, SameBits(straight.times));
    CHECK_THAT(shuffled.values, AllClose(straight.values, 1e-12));
  }
  SECTION("channels of different rates listed below each other become one series") {
    const Series merged = sort_and_merge({.times = seconds({0, 1, 2, 0, 2}),
                                          .values = torch::tensor({{1.f, kGap}, {2.f, kGap}, {3.f, kGap}, {kGap, 8.f}, {kGap, 9.f}})});
    CHECK(same(merged.values, torch::tensor({{1.f, 8.f}, {2.f, kGap}, {3.f, 9.f}})));
  }
  SECTION("integer stamps and views are read") {
    const Tensor columns = torch::tensor({{3.f, 1.f}, {4.f, 2.f}}).t();
    CHECK(same(sort_and_merge({.times = torch::tensor({7, 5}), .values = columns}).values, torch::tensor({{1.f, 2.f}, {3.f, 4.f}})));
  }
  SECTION("says what it expects") {
    const Tensor values = torch::zeros({3, 1});
    CHECK_THROWS_WITH(sort_and_merge({.times = seconds({0, NAN, 1}), .values = values}), ContainsSubstring("finite times, got nan at step 1"));
    CHECK_THROWS_AS(sort_and_merge({.times = seconds({0, INFINITY, 1}), .values = values}), DataError);
    CHECK_THROWS_AS(sort_and_merge({.times = seconds({0, 1}), .values = values}), ShapeError);
    CHECK_THROWS_AS(sort_and_merge({.times = Tensor(), .values = values}), ShapeError);
    CHECK_THROWS_AS(sort_and_merge({.times = torch::zeros({0}), .values = torch::zeros({0, 1})}), ShapeError);
    CHECK_THROWS_AS(sort_and_merge({.times = seconds({0, 1, 2}), .values = torch::zeros({3})}), ShapeError);
  }
}

TEST_CASE("fill_gaps", "[preprocess]") {
  const Tensor values = torch::tensor({{kGap, 1.f}, {2.f, kGap}, {-kInf, kGap}, {5.f, 6.f}});
  const Tensor measured = torch::tensor({{false, true}, {true, false}, {false, false}, {true, true}});
  const FilledSeries forward = fill_gaps(values, GapFill::forward), zero = fill_gaps(values, GapFill::zero);
  CHECK_THAT(forward.values, SameBits(torch::tensor({{0.f, 1.f}, {2.f, 1.f}, {2.f, 1.f}, {5.f, 6.f}})));
  CHECK_THAT(zero.values, SameBits(torch::tensor({{0.f, 1.f}, {2.f, 0.f}, {0.f, 0.f}, {5.f, 6.f}})));
  CHECK_THAT(forward.measured, SameBits(measured));
  CHECK_THAT(zero.measured, SameBits(measured));
  CHECK(std::isnan(values[0][0].item<float>()));
}

TEST_CASE("SeriesScaler", "[preprocess]") {
  SECTION("means and deviations without gaps; constant channels give 0") {
    const Tensor values = torch::tensor({{1.f, 0.1f, kGap, 7.f}, {kGap, 0.1f, kGap, kGap}, {3.f, 0.1f, kGap, kGap}});
    const SeriesScaler scaler = fit_scaler(values);
    CHECK(scaler.mean == std::vector<double>{2, 0.1f, 0, 7});
    CHECK(scaler.std == std::vector<double>{1, 0, 0, 0});
    CHECK(same(scaler.apply(values), torch::tensor({{-1.f, 0.f, kGap, 0.f}, {kGap, 0.f, kGap, kGap}, {1.f, 0.f, kGap, kGap}})));
    CHECK(same(scaler.apply(torch::full({2, 5, 4}, 4.f)).select(2, 1), torch::zeros({2, 5})));
    CHECK(same(scaler.invert(scaler.apply(values)), values));
  }
  SECTION("an offset far larger than the variation costs no accuracy") {
    torch::manual_seed(1);
    const Tensor values = torch::randn({10'000, 2}, torch::kDouble) * 1e-3 + 1e6;
    const Tensor scaled = fit_scaler(values).apply(values);
    CHECK_THAT(scaled.mean(0), AllClose(torch::zeros({2}, torch::kDouble), 1e-6));
    CHECK_THAT(scaled.square().mean(0), AllClose(torch::ones({2}, torch::kDouble), 1e-5));
  }
  SECTION("a constant that binary numbers cannot hold stays exactly constant") {
    const SeriesScaler scaler = fit_scaler(torch::full({1001, 1}, 0.1, torch::kDouble));
    CHECK(scaler.std[0] == 0.0);
    CHECK(scaler.mean[0] == 0.1);
  }
  SECTION("lives in a config") {
    const SeriesScaler scaler = fit_scaler(torch::rand({9, 3}));
    const auto again = from_config<SeriesScaler>(parse_json(to_json(to_config(scaler)), "t"));
    CHECK((again.mean == scaler.mean && again.std == scaler.std));
    CHECK_THROWS_AS(from_config<SeriesScaler>(parse_json(R"({"mean": [1], "std": [-1]})", "t")), ConfigError);
  }
  SECTION("says what it expects") {
    CHECK_THROWS_WITH(fit_scaler(torch::rand({9, 3})).apply(torch::rand({9, 2})), ContainsSubstring("[..., 3]"));
    CHECK_THROWS_AS(fit_scaler(torch::tensor({{-1e300}, {1e300}}, torch::kDouble)), DataError);
    CHECK_THROWS_AS(fit_scaler(torch::zeros({0, 2})), ShapeError);
  }
}

TEST_CASE("series_windows", "[preprocess]") {
  const Tensor times = torch::arange(7, torch::kDouble) / 10;
  const Tensor values = torch::arange(14.f).view({7, 2});
  SECTION("cuts windows and pads the last") {
    const SeriesWindows w = series_windows({times, values}, {.window_size = 4, .hop_size = 2});
    REQUIRE(w.values.sizes() == at::IntArrayRef{3, 4, 2});
    CHECK_THAT(w.values[1], SameBits(values.narrow(0, 2, 4)));
    CHECK_THAT(w.values[2], SameBits(torch::tensor({{8.f, 9.f}, {10.f, 11.f}, {12.f, 13.f}, {0.f, 0.f}})));
    CHECK_THAT(w.mask, SameBits(torch::tensor({{true, true, true, true}, {true, true, true, true}, {true, true, true, false}})));
    CHECK_THAT(w.times[2], AllClose(seconds({0.4, 0.5, 0.6, 0.6})));
    CHECK(w.values.is_contiguous());
  }
  SECTION("drops the tail, but never a whole short series") {
    CHECK(series_windows({times, values}, {.window_size = 4, .hop_size = 2, .tail = SeriesTail::drop}).values.size(0) == 2);
    const SeriesWindows w = series_windows({times, values}, {.window_size = 10, .hop_size = 5, .tail = SeriesTail::drop});
    CHECK(w.values.sizes() == at::IntArrayRef{1, 10, 2});
    CHECK(w.mask.sum().item<int64_t>() == 7);
  }
  SECTION("every step is in some window where hops are no wider than windows") {
    for (int64_t steps = 1; steps <= 12; ++steps)
      for (int64_t size = 1; size <= 5; ++size)
        for (int64_t hop = 1; hop <= size; ++hop) {
          const Tensor t = torch::arange(steps, torch::kDouble);
          const SeriesWindows w = series_windows({t, t.view({-1, 1}).to(torch::kFloat)}, {.window_size = size, .hop_size = hop});
          REQUIRE(std::get<0>(at::_unique(w.times.masked_select(w.mask))).size(0) == steps);
          REQUIRE(w.mask.any(1).all().item<bool>());
        }
  }
  SECTION("hops wider than windows skip steps") {
    const SeriesWindows w = series_windows({times, values}, {.window_size = 2, .hop_size = 5});
    CHECK_THAT(w.times, AllClose(seconds({0.0, 0.1, 0.5, 0.6}).view({2, 2})));
    CHECK(series_windows({times, values}, {.window_size = 2, .hop_size = 100}).values.size(0) == 1);
  }
  SECTION("gaps are filled and masked; windows of gaps alone are left out") {
    Tensor holes = values.clone();
    holes[1][0] = kGap;
    holes.narrow(0, 2, 3).fill_(kGap);
    const SeriesWindows w = series_windows({times, holes}, {.window_size = 2, .hop_size = 2});
    CHECK_THAT(w.times, AllClose(seconds({0.0, 0.1, 0.4, 0.5, 0.6, 0.6}).view({3, 2})));
    CHECK_THAT(w.mask, SameBits(torch::tensor({{true, true}, {false, true}, {true, false}})));
    CHECK_THAT(w.values[0], SameBits(torch::tensor({{0.f, 1.f}, {0.f, 3.f}})));
    CHECK_THAT(w.values[1], SameBits(torch::tensor({{0.f, 3.f}, {10.f, 11.f}})));  // filled from before the window
  }
  SECTION("one sample, one channel") {
    const SeriesWindows w = series_windows({seconds({5}), torch::tensor({{2.f}})}, {.window_size = 1, .hop_size = 1});
    CHECK((w.values.item<float>() == 2.0f && w.mask.item<bool>() && w.times.item<double>() == 5.0));
  }
  SECTION("says what it expects") {
    CHECK_THROWS_WITH(series_windows({seconds({0, 2, 1}), torch::zeros({3, 1})}, {}), ContainsSubstring("strictly ascending times (see sort_and_merge), got 1 after 2 at step 2"));
    CHECK_THROWS_AS(series_windows({seconds({0, 0}), torch::zeros({2, 1})}, {}), DataError);
    CHECK_THROWS_WITH(series_windows({seconds({0, 1}), torch::full({2, 1}, kGap)}, {}), ContainsSubstring("2 steps of gaps alone"));
    CHECK_THROWS_AS(series_windows({times, values}, {.window_size = 0}), ConfigError);
    CHECK_THROWS_AS(series_windows({times, values}, {.hop_size = 0}), ConfigError);
  }
}

TEST_CASE("a series of ten million steps", "[preprocess][slow]") {
  const int64_t steps = 10'000'000;
  const Tensor times = torch::arange(steps, torch::kDouble).flip(0);
  Tensor values = torch::arange(steps, torch::kFloat).view({-1, 1});
  values.slice(0, 0, steps, 7).fill_(kGap);
  Series series = sort_and_merge({.times = times, .values = values});
  const SeriesScaler scaler = fit_scaler(series.values);
  CHECK_THAT(scaler.mean[0], WithinRel(5e6, 1e-4));
  CHECK_THAT(scaler.std[0], WithinRel(1e7 / std::sqrt(12.0), 1e-4));
  series.values = scaler.apply(series.values);
  const SeriesWindows w = series_windows(series, {.window_size = 1000, .hop_size = 1000});
  CHECK(w.values.sizes() == at::IntArrayRef{10'000, 1000, 1});
  CHECK(w.values.isfinite().all().item<bool>());
  CHECK(w.mask.logical_not().sum().item<int64_t>() == (steps + 6) / 7);
}
