// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alignment/clock.hpp>
#include <alloy/core/random.hpp>

#include <cmath>
#include <limits>

using namespace alloy;

namespace {

const double kNan = std::numeric_limits<double>::quiet_NaN(), kInfinity = std::numeric_limits<double>::infinity();

Tensor numbers(const std::vector<double>& values) { return torch::tensor(values, torch::kDouble); }
Tensor flags(const std::vector<int64_t>& values) { return torch::tensor(values, torch::kLong).to(torch::kBool); }

/// One channel by the definition: every measurement is looked at for every tick.
std::optional<double> by_definition(const std::vector<double>& times, const std::vector<double>& values, double tick, const ClockOptions& o,
                                    double before, double after) {
  const auto mean_at = [&](double stamp) {
    double sum = 0, count = 0;
    for (size_t i = 0; i < times.size(); ++i)
      if (std::isfinite(values[i]) && times[i] == stamp) sum += values[i], count += 1;
    return sum / count;
  };
  double left = -kInfinity, right = kInfinity, sum = 0, count = 0;
  for (size_t i = 0; i < times.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    if (times[i] <= tick) left = std::max(left, times[i]);
    if (times[i] >= tick) right = std::min(right, times[i]);
    if (times[i] >= tick - before && times[i] < tick + after) sum += values[i], count += 1;
  }
  if (o.method == ClockMethod::window_mean) return count > 0 ? std::optional(sum / count) : std::nullopt;
  if (left == tick) return mean_at(left);
  if (o.method == ClockMethod::nearest) {
    const double near = tick - left <= right - tick ? left : right;
    return std::abs(near - tick) <= o.max_gap_seconds && std::isfinite(near) ? std::optional(mean_at(near)) : std::nullopt;
  }
  if (!std::isfinite(left) || !std::isfinite(right) || right - left > o.max_gap_seconds) return std::nullopt;
  return (mean_at(left) * (right - tick) + mean_at(right) * (tick - left)) / (right - left);
}

}  // namespace

TEST_CASE("uniform_clock", "[alignment]") {
  CHECK_THAT(uniform_clock(1, 2, 4), AllClose(numbers({1, 1.25, 1.5, 1.75}), 0, 0));
  CHECK(uniform_clock(0, 0.3, 10).size(0) == 3);  // 0.3 * 10 is above 3 in doubles
  const Tensor hour = uniform_clock(0, 3600, 30);
  CHECK(hour.size(0) == 108'000);
  CHECK(hour[-1].item<double>() == 107'999 / 30.0);
  CHECK_THROWS_AS(uniform_clock(1, 1, 10), ConfigError);
  CHECK_THROWS_AS(uniform_clock(0, 1, 0), ConfigError);
  CHECK_THROWS_AS(uniform_clock(0, 1e9, 1e9), ConfigError);
}

TEST_CASE("resample_to_clock, by hand", "[alignment]") {
  const TimedStream stream{.values = numbers({10, 20, 40}), .times = numbers({0, 1, 3})};
  const Tensor clock = numbers({-0.5, 0, 0.25, 1, 2, 3, 3.5});
  SECTION("linear") {
    const Clocked out = resample_to_clock(stream, clock);
    CHECK_THAT(out.values, AllClose(numbers({0, 10, 12.5, 20, 30, 40, 0})));
    CHECK(at::equal(out.mask, flags({0, 1, 1, 1, 1, 1, 0})));
    CHECK(at::equal(out.measured, out.mask));
  }
  SECTION("linear does not join what lies farther apart than the gap") {
    const Clocked out = resample_to_clock(stream, clock, {.max_gap_seconds = 1});
    CHECK_THAT(out.values, AllClose(numbers({0, 10, 12.5, 20, 0, 40, 0})));
    CHECK(at::equal(out.mask, flags({0, 1, 1, 1, 0, 1, 0})));
  }
  SECTION("nearest takes the earlier of two") {
    const Clocked out = resample_to_clock(stream, clock, {.method = ClockMethod::nearest});
    CHECK_THAT(out.values, AllClose(numbers({10, 10, 10, 20, 20, 40, 40})));
    const Clocked near = resample_to_clock(stream, clock, {.method = ClockMethod::nearest, .max_gap_seconds = 0.3});
    CHECK(at::equal(near.mask, flags({0, 1, 1, 1, 0, 1, 0})));
  }
  SECTION("window_mean") {
    // windows [-0.75, 0.25), [0.75, 1.75), [2.5, 3.5), half open
    const Clocked out = resample_to_clock({.values = numbers({1, 3, 5, 7}), .times = numbers({-0.75, 0, 0.25, 3.49})}, numbers({-0.25, 1.25, 3}),
                                          {.method = ClockMethod::window_mean, .window_seconds = 1});
    CHECK_THAT(out.values, AllClose(numbers({2, 0, 7})));
    CHECK(at::equal(out.mask, flags({1, 0, 1})));
  }
  SECTION("window_mean without a width uses each value once") {
    const Tensor times = uniform_clock(-0.05, 0.95, 100), ticks = uniform_clock(0, 1, 10);
    const Clocked out = resample_to_clock({.values = at::arange(100, torch::kDouble), .times = times}, ticks, {.method = ClockMethod::window_mean});
    CHECK_THAT(out.values, AllClose(at::arange(10, torch::kDouble) * 10 + 4.5));
  }
  SECTION("stamps that are unsorted or repeated") {
    const TimedStream mixed{.values = numbers({40, 10, 15, 25}), .times = numbers({3, 0, 1, 1})};
    CHECK_THAT(resample_to_clock(mixed, clock).values, AllClose(numbers({0, 10, 12.5, 20, 30, 40, 0})));
    CHECK_THAT(resample_to_clock(mixed, numbers({0.9}), {.method = ClockMethod::nearest}).values, AllClose(numbers({20})));
    CHECK_THAT(resample_to_clock(mixed, numbers({1}), {.method = ClockMethod::window_mean, .window_seconds = 3}).values,
               AllClose(numbers({50 / 3.0})));
  }
  SECTION("rounding beside a stamp is none, at the epoch too") {
    const double now = 1.7e9;
    const Clocked out = resample_to_clock({.values = numbers({1, 2}), .times = numbers({now, now + 0.1})},
                                          numbers({std::nextafter(now, 0), now + 0.1 + 3e-7}), {.max_gap_seconds = 0.05});
    CHECK_THAT(out.values, AllClose(numbers({1, 2})));
    CHECK(out.mask.all().item<bool>());
  }
  SECTION("a clock that drifts is put right by its times") {
    const Tensor own = uniform_clock(0, 10, 50), truth = 0.3 + own / (1 + 200e-6);  // starts 0.3 s late and runs fast
    const Clocked out =
        resample_to_clock({.values = at::sin(truth), .times = 0.3 + own / (1 + 200e-6)}, uniform_clock(1, 9, 25), {.max_gap_seconds = 0.1});
    CHECK(out.mask.all().item<bool>());
    CHECK_THAT(out.values, AllClose(at::sin(uniform_clock(1, 9, 25)), 1e-4));
  }
}

TEST_CASE("resample_to_clock against its definition", "[alignment]") {
  Random random(7);
  for (int round = 0; round < 60; ++round) {
    const int64_t steps = random.below(12), channels = 1 + random.below(3);
    std::vector<double> times;
    for (int64_t i = 0; i < steps; ++i) times.push_back(0.25 * static_cast<double>(random.below(16)));  // unsorted, repeated
    Tensor values = torch::empty({steps, channels}, torch::kDouble);
    for (int64_t i = 0; i < values.numel(); ++i) values.view({-1})[i] = random.chance(0.25) ? kNan : random.normal();
    std::vector<double> ticks = {random.uniform(-1, 0)};
    for (int64_t i = random.below(20); i-- > 0;) ticks.push_back(ticks.back() + (random.chance(0.5) ? 0.25 : random.uniform(0.01, 1)));
    const ClockOptions options{.method = static_cast<ClockMethod>(random.below(3)),
                               .max_gap_seconds = random.chance(0.5) ? kInfinity : random.uniform(0.1, 1),
                               .window_seconds = random.uniform(0.1, 2)};
    const Clocked out = resample_to_clock({.values = values, .times = numbers(times)}, numbers(ticks), options);
    REQUIRE(out.values.sizes() == at::IntArrayRef({std::ssize(ticks), channels}));
    REQUIRE(out.values.isfinite().all().item<bool>());
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t s = 0; s < std::ssize(ticks); ++s) {
        std::vector<double> column;
        for (int64_t i = 0; i < steps; ++i) column.push_back(values[i][c].item<double>());
        const auto expected =
            by_definition(times, column, ticks[static_cast<size_t>(s)], options, options.window_seconds / 2, options.window_seconds / 2);
        INFO("round " << round << " tick " << s << " channel " << c);
        REQUIRE(out.measured[s][c].item<bool>() == expected.has_value());
        REQUIRE(std::abs(out.values[s][c].item<double>() - expected.value_or(0)) < 1e-9);
      }
    CHECK(at::equal(out.mask, out.measured.any(1)));
  }
}

TEST_CASE("resample_to_clock of batches", "[alignment]") {
  torch::manual_seed(1);
  const Tensor times = torch::rand({3, 9}, torch::kDouble).cumsum(1), values = torch::randn({3, 9, 2, 4});
  const Tensor mask = torch::rand({3, 9}) > 0.2, clock = uniform_clock(0, 5, 4);
  for (const ClockMethod method : {ClockMethod::nearest, ClockMethod::linear, ClockMethod::window_mean}) {
    const ClockOptions options{.method = method, .max_gap_seconds = 1.2};
    const Clocked out = resample_to_clock({.values = values, .times = times, .mask = mask}, clock, options);
    CHECK(out.values.sizes() == at::IntArrayRef({3, 20, 2, 4}));
    CHECK(out.mask.sizes() == at::IntArrayRef({3, 20}));
    SECTION("each row as alone, with steps that are masked left out") {
      for (int64_t b = 0; b < 3; ++b) {
        const Tensor kept = mask[b].nonzero().squeeze(1);
        const Clocked alone = resample_to_clock({.values = values[b].index_select(0, kept), .times = times[b].index_select(0, kept)}, clock, options);
        CHECK_THAT(out.values[b], SameBits(alone.values));
        CHECK(at::equal(out.mask[b], alone.mask));
      }
    }
    SECTION("what is masked may hold anything") {
      const Tensor dirty = values.masked_fill(mask.logical_not().view({3, 9, 1, 1}), kNan), stamps = times.masked_fill(mask.logical_not(), kNan);
      for (const NonFiniteValue meaning : {NonFiniteValue::missing, NonFiniteValue::reject, NonFiniteValue::keep}) {
        const ClockOptions strict{.method = method, .max_gap_seconds = 1.2, .non_finite = meaning};
        CHECK_THAT(resample_to_clock({.values = dirty, .times = stamps, .mask = mask}, clock, strict).values, AllClose(out.values, 1e-6));
      }
    }
    SECTION("a clock for each row") {
      const Tensor clocks = at::stack({clock, clock + 0.1, clock * 1.1});
      const Clocked own = resample_to_clock({.values = values, .times = times, .mask = mask}, clocks, options);
      CHECK_THAT(own.values[0], SameBits(out.values[0]));
      CHECK_THAT(own.values[2], SameBits(resample_to_clock({.values = values, .times = times, .mask = mask}, clocks[2], options).values[2]));
    }
  }
}

TEST_CASE("resample_to_clock has gradients", "[alignment]") {
  torch::manual_seed(2);
  const Tensor times = numbers({0.3, 0, 1.1, 1.1, 2, 4}), clock = uniform_clock(-0.5, 4.5, 3);
  for (const ClockMethod method : {ClockMethod::nearest, ClockMethod::linear, ClockMethod::window_mean}) {
    const Tensor values = torch::randn({6, 2}, torch::kDouble).requires_grad_();
    const ClockOptions options{.method = method, .max_gap_seconds = 1.5, .window_seconds = 0.8};
    CHECK(gradient_error([&] { return resample_to_clock({.values = values, .times = times}, clock, options).values.pow(3).sum(); }, {values}) < 1e-6);
    Tensor gaps = values.detach().clone();
    gaps[2][0] = kNan;
    gaps.requires_grad_();
    const Tensor out = resample_to_clock({.values = gaps, .times = times}, clock, options).values;
    out.pow(3).sum().backward();
    CHECK(gaps.grad().isfinite().all().item<bool>());
    CHECK(gaps.grad()[2][0].item<double>() == 0);
  }
}

TEST_CASE("series at the edges", "[alignment]") {
  const Tensor clock = uniform_clock(0, 1, 10);
  SECTION("NaN means what the option says") {
    const TimedStream gap{.values = numbers({1, kNan, 3}), .times = numbers({0, 0.5, 1})};
    CHECK_THAT(resample_to_clock(gap, numbers({0.5})).values, AllClose(numbers({2})));
    CHECK_THROWS_WITH(resample_to_clock(gap, clock, {.non_finite = NonFiniteValue::reject}), ContainsSubstring("at step 1 of row 0, channel 0"));
    CHECK(resample_to_clock(gap, numbers({0.5}), {.non_finite = NonFiniteValue::keep}).values.isnan().all().item<bool>());
    CHECK(resample_to_clock(gap, numbers({0.5}), {.max_gap_seconds = 0.6}).mask.any().item<bool>() == false);
  }
  SECTION("one sample, none, all gaps, a constant channel") {
    const Clocked one = resample_to_clock({.values = numbers({5}), .times = numbers({0.3})}, clock);
    CHECK(at::equal(one.mask, flags({0, 0, 0, 1, 0, 0, 0, 0, 0, 0})));
    CHECK(one.values[3].item<double>() == 5);
    for (const Clocked& none : {resample_to_clock({.values = torch::empty({0, 2}), .times = torch::empty({0})}, clock),
                                resample_to_clock({.values = torch::full({3, 2}, kNan), .times = numbers({0, 1, 2})}, clock)}) {
      CHECK_THAT(none.values, AllClose(torch::zeros({10, 2})));
      CHECK_FALSE(none.mask.any().item<bool>());
    }
    CHECK_THAT(resample_to_clock({.values = torch::full({3}, 7.0), .times = numbers({0, 0.2, 1})}, clock).values, AllClose(torch::full({10}, 7.f)));
  }
  SECTION("mixed rates meet on one clock") {
    const Tensor fast = uniform_clock(0, 2, 1000), slow = uniform_clock(0, 2.1, 10), ticks = uniform_clock(0, 2, 25);
    const Clocked a = resample_to_clock({.values = 3 * fast, .times = fast}, ticks),
                  b = resample_to_clock({.values = 3 * slow, .times = slow}, ticks);
    CHECK_THAT(a.values, AllClose(b.values, 1e-9));
    CHECK((a.mask.all().item<bool>() && b.mask.all().item<bool>()));
  }
  SECTION("is refused with what is wrong") {
    const TimedStream good{.values = numbers({1, 2}), .times = numbers({0, 1})};
    CHECK_THROWS_WITH(resample_to_clock({.values = numbers({1, 2}), .times = numbers({0, kNan})}, clock),
                      ContainsSubstring("finite times, got nan at step 1"));
    CHECK_THROWS_WITH(resample_to_clock(good, numbers({0, 0})), ContainsSubstring("ascends, got 0 at tick 1"));
    CHECK_THROWS_AS(resample_to_clock(good, numbers({kNan})), DataError);
    CHECK_THROWS_AS(resample_to_clock(good, torch::empty({0})), ShapeError);
    CHECK_THROWS_AS(resample_to_clock(good, torch::zeros({2, 3})), ShapeError);
    CHECK_THROWS_AS(resample_to_clock({.values = numbers({1, 2}), .times = numbers({0, 1, 2})}, clock), ShapeError);
    CHECK_THROWS_AS(resample_to_clock({.values = torch::ones({2}, torch::kLong), .times = numbers({0, 1})}, clock), ShapeError);
    CHECK_THROWS_AS(resample_to_clock({.values = numbers({1, 2}), .times = numbers({0, 1}), .mask = torch::ones({2})}, clock), ShapeError);
    CHECK_THROWS_AS(resample_to_clock(good, clock, {.max_gap_seconds = 0}), ConfigError);
    CHECK_THROWS_AS(resample_to_clock(good, numbers({0}), {.method = ClockMethod::window_mean}), ConfigError);
  }
}

TEST_CASE("ten million steps", "[alignment][slow]") {
  const int64_t steps = 10'000'000;
  Tensor times = at::arange(steps, torch::kDouble) / 1000, values = at::sin(times).to(torch::kFloat);
  times[5] = 3.0;  // no longer sorted, and a stamp twice
  values[5] = std::sin(3.0);
  values[77] = kNan;
  const Tensor clock = uniform_clock(0, 10'000, 100);
  for (const ClockMethod method : {ClockMethod::nearest, ClockMethod::linear, ClockMethod::window_mean}) {
    const Clocked out = resample_to_clock({.values = values, .times = times}, clock, {.method = method});
    CHECK(out.mask.all().item<bool>());
    CHECK((out.values - at::sin(clock).to(torch::kFloat)).abs().max().item<float>() < 2e-2F);
  }
}
