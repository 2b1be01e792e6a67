// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/streams.hpp"

#include <alloy/core/random.hpp>

using namespace alloy;

TEST_CASE("stream aligner: what is dropped is counted by its cause", "[alignment]") {
  StreamAlignerOptions options = one({.name = "a", .max_gap_seconds = 0.5, .capacity = 4});
  options.reorder_seconds = 2;
  options.max_jump_seconds = 50;
  SECTION("stamps and values") {
    StreamAligner aligner(options);
    push(aligner, "a", {1, 3, 2, kNan, 0.5, 3, 1e9, kInf, -kInf});
    aligner.push("a", Stamps{3.5, 2}, Floats{std::numeric_limits<float>::quiet_NaN(), 77});
    const StreamCounts c = aligner.counts("a");
    CHECK((c.received == 11 && c.held == 3 && c.not_finite == 4 && c.backwards == 1 && c.duplicate == 2 && c.ahead == 1 && c.reordered == 1 &&
           c.late == 0 && c.overflow == 0));
    aligner.finish();
    CHECK(list(pop_all(aligner)[0].inputs.at("a").values) == Floats{0, 1, 2, 3});  // of two at one stamp the first
  }
  SECTION("before the first window") {
    StreamAligner aligner(options);
    push(aligner, "a", {-1, -0.5, 0});
    CHECK((aligner.counts("a").late == 1 && aligner.counts("a").held == 2));
  }
  SECTION("a full buffer gives up its oldest") {
    StreamAligner aligner(options);
    push(aligner, "a", {0, 1, 2, 2.5, 3});
    push(aligner, "a", {1});  // held still
    CHECK((aligner.counts("a").overflow == 1 && aligner.counts("a").duplicate == 1));
    aligner.finish();
    CHECK(list(pop_all(aligner)[0].inputs.at("a").mask) == Floats{0, 1, 1, 1});
  }
  SECTION("or takes no more, and still knows how late it is") {
    options.overflow = StreamOverflow::drop_newest;
    StreamAligner aligner(options);
    push(aligner, "a", {0, 1, 2, 2.5, 3, 20});
    CHECK(aligner.counts("a").overflow == 2);
    const auto windows = pop_all(aligner);
    REQUIRE(windows.size() == 4);
    CHECK(list(windows[0].inputs.at("a").mask) == Floats{1, 1, 1, 1});
    CHECK(!windows[1].inputs.at("a").present.item<bool>());
    CHECK(windows[3].release == StreamRelease::complete);
    push(aligner, "a", {21});
    CHECK(aligner.counts("a").held == 1);
  }
  SECTION("every sample is somewhere") {
    Random random(5);
    options.modalities[0].capacity = 16;
    StreamAligner aligner(options);
    StreamWindow window = aligner.make_window();
    for (int64_t i = 0; i < 3000; ++i) {
      const double time = static_cast<double>(i) / 10 + random.uniform(-3, 1);
      push(aligner, "a", {random.chance(0.01) ? kNan : std::round(time * 4) / 4});
      if (random.chance(0.05)) aligner.pop(window);
      CHECK(aligner.counts("a").held <= 16);
    }
    const StreamCounts c = aligner.counts("a");
    CHECK((c.received == 3000 && c.backwards > 0 && c.duplicate > 0 && c.overflow > 0 && c.not_finite > 0 && c.reordered > 0));
    CHECK(c.backwards + c.duplicate + c.overflow + c.not_finite + c.late + c.ahead + c.held <= 3000);
  }
}

TEST_CASE("stream aligner: series as row D7 has them", "[alignment]") {
  SECTION("one sample; a constant channel; nothing") {
    StreamAligner aligner(one({.name = "a", .max_gap_seconds = 0.5}));
    push(aligner, "a", {2});
    CHECK(pop_all(aligner).empty());
    aligner.finish();
    const auto windows = pop_all(aligner);
    REQUIRE(windows.size() == 1);
    CHECK(list(windows[0].inputs.at("a").values) == Floats{0, 0, 2, 0});
    StreamAligner nothing(one({.name = "a"}));
    nothing.finish();
    CHECK(pop_all(nothing).empty());
  }
  SECTION("ten million samples beside ten, in bounded memory") {
    StreamAligner aligner({.modalities = {{.name = "fast", .method = StreamMethod::window_mean, .capacity = 60000},
                                          {.name = "slow", .method = StreamMethod::previous, .max_gap_seconds = 1}},
                           .step_seconds = 0.01,
                           .window_steps = 2,
                           .hop_steps = 2,
                           .max_delay_seconds = 0.02});
    StreamWindow window = aligner.make_window();
    Stamps times(5000);
    const Floats values(5000, 0.5F);
    int64_t steps = 0, slow = 0;
    for (int64_t block = 0; block < 2000; ++block) {  // 1 MHz for ten seconds
      for (size_t i = 0; i < times.size(); ++i) times[i] = static_cast<double>(block * 5000 + static_cast<int64_t>(i)) * 1e-6;
      aligner.push("fast", times, values);
      if (block % 200 == 0) push(aligner, "slow", {times[0]});
      while (aligner.pop(window)) {
        steps += window.inputs.at("fast").mask.sum().item<int64_t>();
        slow += window.inputs.at("slow").mask.sum().item<int64_t>();
        CHECK((window.inputs.at("fast").values == 0.5).all().item<bool>() == window.inputs.at("fast").mask.all().item<bool>());
      }
    }
    CHECK(aligner.counts("fast").received == 10000000);
    CHECK((aligner.counts("fast").held <= 60000 && aligner.counts("fast").overflow == 0));
    CHECK((steps >= 990 && steps <= 1000));
    CHECK(slow == steps);
  }
}

TEST_CASE("stream aligner: options that cannot work", "[alignment]") {
  const auto with = [](auto change) {
    StreamAlignerOptions options = one({.name = "a", .max_gap_seconds = 0.5});
    change(options);
    return StreamAligner(options).counts("a").received;
  };
  CHECK(with([](auto&) {}) == 0);
  CHECK_THROWS_AS(with([](auto& o) { o.modalities.clear(); }), ConfigError);
  CHECK_THROWS_WITH(with([](auto& o) { o.modalities.push_back(o.modalities[0]); }), ContainsSubstring("got 'a' twice"));
  CHECK_THROWS_AS(with([](auto& o) { o.modalities[0].dim = 0; }), ConfigError);
  CHECK_THROWS_AS(with([](auto& o) { o.modalities[0].capacity = 1; }), ConfigError);
  CHECK_THROWS_AS(with([](auto& o) { o.modalities[0].capacity = int64_t{1} << 40; }), ConfigError);
  CHECK_THROWS_AS(with([](auto& o) { o.modalities[0].max_gap_seconds = kNan; }), ConfigError);
  CHECK_THROWS_AS(with([](auto& o) { o.step_seconds = 0; }), ConfigError);
  CHECK_THROWS_AS(with([](auto& o) { o.window_steps = 0; }), ConfigError);
  CHECK_THROWS_AS(with([](auto& o) { o.hop_steps = 0; }), ConfigError);
  CHECK_THROWS_AS(with([](auto& o) { o.start_seconds = kInf; }), ConfigError);
  CHECK_THROWS_AS(with([](auto& o) { o.reorder_seconds = -1; }), ConfigError);
  CHECK_THROWS_WITH(with([](auto& o) {
                      o.reorder_seconds = 0.25;
                      o.max_delay_seconds = 0.5;
                    }),
                    ContainsSubstring("expected max_delay_seconds of at least 0.75: 'a' is read 0.5 s past a step"));
  StreamAligner aligner(one({.name = "a", .dim = 2}));
  CHECK_THROWS_WITH(aligner.push("b", Stamps{}, Floats{}), ContainsSubstring("among a, got 'b'"));
  CHECK_THROWS_AS(aligner.push("a", Stamps{1}, Floats{1}), ShapeError);
  CHECK_THROWS_AS(aligner.push("a", torch::zeros({2}), torch::zeros({2, 3})), ShapeError);
  aligner.push("a", torch::arange(2), torch::ones({2, 2}, at::kDouble));
  CHECK(aligner.counts("a").held == 2);
  StreamWindow other = StreamAligner(one({.name = "b", .dim = 2})).make_window();
  CHECK_THROWS_AS(aligner.pop(other), ShapeError);
}
