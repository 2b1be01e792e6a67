// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/streams.hpp"

#include <alloy/core/random.hpp>

#include <thread>

using namespace alloy;

namespace {

struct Samples {
  std::vector<double> times;
  std::vector<float> values;  // [N, dim]
};

void push(StreamAligner& aligner, const std::string& name, const Samples& s) { aligner.push(name, s.times, s.values); }

/// What stands at a tick, by looking at all samples.
bool brute(const Samples& s, int64_t dim, StreamMethod method, double tick, double gap, double step, Floats& out) {
  const auto n = std::ssize(s.times);
  const auto row = [&](int64_t i) { return Floats(s.values.begin() + i * dim, s.values.begin() + (i + 1) * dim); };
  int64_t before = -1, after = -1;
  double sum[8] = {}, count = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double t = s.times[static_cast<size_t>(i)];
    if (t <= tick && (before < 0 || t > s.times[static_cast<size_t>(before)])) before = i;
    if (t >= tick && (after < 0 || t < s.times[static_cast<size_t>(after)])) after = i;
    if (t >= tick - step / 2 && t < tick + step / 2) {
      ++count;
      for (int64_t d = 0; d < dim; ++d) sum[d] += row(i)[static_cast<size_t>(d)];
    }
  }
  const double back = before < 0 ? kInf : tick - s.times[static_cast<size_t>(before)],
               ahead = after < 0 ? kInf : s.times[static_cast<size_t>(after)] - tick;
  if (method == StreamMethod::window_mean) {
    for (int64_t d = 0; d < dim && count > 0; ++d) out.push_back(static_cast<float>(sum[d] / count));
    return count > 0;
  }
  if (method == StreamMethod::previous) return back <= gap && (out = row(before), true);
  if (method == StreamMethod::nearest) return std::min(back, ahead) <= gap && (out = row(back <= ahead ? before : after), true);
  if (back + ahead > gap) return false;
  for (size_t d = 0; d < static_cast<size_t>(dim); ++d)
    out.push_back(back == 0 ? row(before)[d]
                            : static_cast<float>(row(before)[d] + back / (back + ahead) * (static_cast<double>(row(after)[d]) - row(before)[d])));
  return true;
}

/// Jittered stamps at a rate, with drop-outs, in order but for neighbours that change places.
Samples some_samples(double rate_hz, double seconds, int64_t dim, uint64_t seed, double disorder_seconds = 0) {
  Random random(seed);
  std::vector<std::pair<double, double>> order;  // when it comes, what it is stamped
  for (double t = random.uniform(0, 1 / rate_hz); t < seconds; t += random.uniform(0.5, 1.5) / rate_hz)
    if (std::fmod(t, 3.0) < 2.6) order.emplace_back(t + random.uniform(0, disorder_seconds), t);
  std::ranges::sort(order);
  Samples s;
  for (const auto& [when, stamp] : order) {
    s.times.push_back(stamp);
    for (int64_t d = 0; d < dim; ++d) s.values.push_back(static_cast<float>(random.normal()));
  }
  return s;
}

const std::vector<StreamModality> kFour = {{.name = "video", .dim = 3, .method = StreamMethod::nearest, .max_gap_seconds = 0.05},
                                           {.name = "imu", .dim = 2, .method = StreamMethod::linear, .max_gap_seconds = 0.06},
                                           {.name = "audio", .dim = 1, .method = StreamMethod::window_mean},
                                           {.name = "slow", .dim = 1, .method = StreamMethod::previous, .max_gap_seconds = 1.5}};
const std::vector<double> kRates = {25, 50, 400, 1};

std::vector<Samples> four_streams(double disorder_seconds) {
  std::vector<Samples> all;
  for (size_t m = 0; m < kFour.size(); ++m) all.push_back(some_samples(kRates[m], 9, kFour[m].dim, 10 + m, disorder_seconds));
  return all;
}

StreamAlignerOptions four_options() {
  return {.modalities = kFour,
          .start_seconds = 0.25,
          .step_seconds = 0.03,
          .window_steps = 20,
          .hop_steps = 8,
          .reorder_seconds = 0.1,
          .max_delay_seconds = 5};
}

void check_same(const std::vector<Kept>& a, const std::vector<Kept>& b) {
  REQUIRE(a.size() == b.size());
  for (size_t w = 0; w < a.size(); ++w) {
    CHECK(a[w].first_step == b[w].first_step);
    for (const auto& [name, input] : a[w].inputs) {
      const ModalityInput& other = b[w].inputs.at(name);
      CHECK_THAT(input.values, SameBits(other.values));
      CHECK_THAT(input.mask, SameBits(other.mask));
      CHECK_THAT(input.present, SameBits(other.present));
      CHECK_THAT(input.times, SameBits(other.times));
    }
  }
}

std::vector<Kept> at_once(const std::vector<Samples>& streams) {
  StreamAligner aligner(four_options());
  for (size_t m = 0; m < streams.size(); ++m) push(aligner, kFour[m].name, streams[m]);
  aligner.finish();
  return pop_all(aligner);
}

}  // namespace

TEST_CASE("stream aligner: what stands at a step", "[alignment]") {
  const auto steps = [](StreamMethod method, double gap, const Stamps& stamps) {
    StreamAligner aligner(one({.name = "a", .method = method, .max_gap_seconds = gap}));
    push(aligner, "a", stamps);
    aligner.finish();
    const auto windows = pop_all(aligner);
    REQUIRE(!windows.empty());
    return std::pair(list(windows[0].inputs.at("a").values), list(windows[0].inputs.at("a").mask));
  };
  CHECK(steps(StreamMethod::nearest, 0.4, {0.4, 1.5, 2.5, 3.0}) == std::pair(Floats{0.4F, 0, 0, 3}, Floats{1, 0, 0, 1}));
  CHECK(steps(StreamMethod::nearest, 0.5, {0.4, 1.5, 2.5, 3.0}) ==
        std::pair(Floats{0.4F, 1.5F, 1.5F, 3}, Floats{1, 1, 1, 1}));  // two equally near: the earlier
  CHECK(steps(StreamMethod::linear, 1.5, {0.5, 1.5, 2.0, 4.0}) == std::pair(Floats{0, 1, 2, 0}, Floats{0, 1, 1, 0}));
  CHECK(steps(StreamMethod::previous, 1.2, {0.5, 0.75, 3.5}) == std::pair(Floats{0, 0.75F, 0, 0}, Floats{0, 1, 0, 0}));
  CHECK(steps(StreamMethod::window_mean, 0.1, {-0.5, 0.25, 0.5, 1.0, 2.5}) == std::pair(Floats{-0.125F, 0.75F, 0, 2.5F}, Floats{1, 1, 0, 1}));
  CHECK(steps(StreamMethod::linear, 1, {0.3 - 0.1 - 0.2, 2, 3}).second == Floats{1, 0, 1, 1});  // 5e-17 before the step, by rounding
}

TEST_CASE("stream aligner: windows are a batch", "[alignment]") {
  StreamAligner aligner({.modalities = {{.name = "a", .dim = 2, .max_gap_seconds = 0.5}, {.name = "b", .max_gap_seconds = 0.5}},
                         .start_seconds = 10,
                         .step_seconds = 1,
                         .window_steps = 3,
                         .hop_steps = 2,
                         .max_delay_seconds = 2});
  aligner.push("a", Stamps{10, 11, 12, 13, 14, 15, 16}, Floats{0, 0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6});
  auto windows = pop_all(aligner);
  REQUIRE(windows.size() == 2);  // of b nothing has come: each waited until a was two seconds past it
  CHECK(windows[0].release == StreamRelease::delay);
  CHECK((windows[0].first_step == 0 && windows[1].first_step == 2));
  const Batch& inputs = windows[1].inputs;
  CHECK(batch_size(inputs) == 1);
  CHECK(inputs.at("a").values.sizes() == at::IntArrayRef({1, 3, 2}));
  CHECK(list(inputs.at("a").values) == Floats{2, -2, 3, -3, 4, -4});
  CHECK(list(inputs.at("a").times) == Floats{12, 13, 14});
  CHECK((inputs.at("a").present.item<bool>() && !inputs.at("b").present.item<bool>()));
  CHECK(!inputs.at("b").mask.any().item<bool>());
  aligner.push("b", Stamps{13, 14.25}, Floats{7, 8});  // 13 comes too late; 14.25 for the next window
  aligner.push("b", Stamps{18, 19}, Floats{9, 9});
  aligner.push("a", Stamps{17, 18, 19}, Floats(6, 0));
  windows = pop_all(aligner);
  REQUIRE(windows.size() == 2);
  CHECK(windows[0].release == StreamRelease::complete);
  CHECK(list(windows[0].inputs.at("b").values) == Floats{8, 0, 0});
  CHECK(aligner.counts("b").late == 1);
  aligner.finish();
  windows = pop_all(aligner);
  REQUIRE(windows.size() == 1);  // steps 8 to 10: the newest sample is at step 9
  CHECK(windows[0].release == StreamRelease::finished);
  CHECK(list(windows[0].inputs.at("a").mask) == Floats{1, 1, 0});
  CHECK_THROWS_WITH(aligner.push("a", Stamps{20}, Floats{0, 0}), ContainsSubstring("after finish"));
  aligner.restart(100);
  CHECK(aligner.counts("b").received == 0);
  push(aligner, "b", Stamps{100, 105});
  CHECK(pop_all(aligner).at(0).inputs.at("b").values[0][0][0].item<float>() == 100);
  StreamWindow copied = aligner.make_window();
  for (auto& [name, input] : copied.inputs) input.times = input.times.clone();
  push(aligner, "b", Stamps{110});
  REQUIRE(aligner.pop(copied));  // times that are no longer one tensor are written all the same
  CHECK(copied.inputs.at("a").times[0][0].item<double>() > 100);
  CHECK_THAT(copied.inputs.at("b").times, SameBits(copied.inputs.at("a").times));
}

TEST_CASE("stream aligner: a stream in pieces is the same stream at once, and what it should be", "[alignment]") {
  const auto streams = four_streams(0.09);
  const auto expected = at_once(streams);
  REQUIRE(expected.size() > 30);
  int64_t present = 0, missing = 0;
  for (const Kept& window : expected)
    for (size_t m = 0; m < kFour.size(); ++m) {
      const ModalityInput& input = window.inputs.at(kFour[m].name);
      for (int64_t i = 0; i < 20; ++i) {
        Floats value;
        const bool is_there = brute(streams[m], kFour[m].dim, kFour[m].method, 0.25 + 0.03 * static_cast<double>(window.first_step + i),
                                    kFour[m].max_gap_seconds, 0.03, value);
        REQUIRE(input.mask[0][i].item<bool>() == is_there);
        ++(is_there ? present : missing);
        if (!is_there) value.assign(static_cast<size_t>(kFour[m].dim), 0);
        CHECK_THAT(input.values[0][i], AllClose(torch::tensor(value), 1e-6, 1e-6));
      }
    }
  CHECK((present > 500 && missing > 100));
  for (const uint64_t seed : {1, 2, 3}) {
    Random random(seed);
    StreamAligner aligner(four_options());
    std::vector<size_t> sent(kFour.size());
    std::vector<Kept> got;
    const auto take = [&] {
      for (Kept& window : pop_all(aligner)) got.push_back(std::move(window));
    };
    for (double now = 0; now < 10; now += random.uniform(0, 0.4)) {  // bursts of up to 0.4 s, modalities in any order
      for (const int64_t i : random.permutation(4)) {
        const auto m = static_cast<size_t>(i);
        Samples part;
        while (sent[m] < streams[m].times.size() && streams[m].times[sent[m]] < now) {
          part.times.push_back(streams[m].times[sent[m]]);
          const auto at = streams[m].values.begin() + static_cast<int64_t>(sent[m]++) * kFour[m].dim;
          part.values.insert(part.values.end(), at, at + kFour[m].dim);
        }
        push(aligner, kFour[m].name, part);
        if (random.chance(0.5)) take();
      }
    }
    for (size_t m = 0; m < kFour.size(); ++m) {
      REQUIRE(sent[m] == streams[m].times.size());
      const StreamCounts c = aligner.counts(kFour[m].name);
      const double reach = kFour[m].method == StreamMethod::window_mean ? 0.015 : kFour[m].max_gap_seconds;  // late: those before the start
      CHECK(c.late == std::ranges::count_if(streams[m].times, [&](double t) { return t < 0.25 - reach; }));
      CHECK((c.backwards == 0 && c.overflow == 0));
      CHECK((m == 3 || c.reordered > 10));
    }
    CHECK(got.size() > 10);
    aligner.finish();
    take();
    check_same(got, expected);
  }
}

TEST_CASE("stream aligner: several threads push while one pops", "[alignment]") {
  const auto streams = four_streams(0);
  StreamAlignerOptions options = four_options();
  options.max_delay_seconds = 1000;
  StreamAligner aligner(options);
  std::atomic<int> running = 4;
  std::vector<Kept> got;
  {
    std::vector<std::jthread> threads;
    for (size_t m = 0; m < kFour.size(); ++m)
      threads.emplace_back([&, m] {
        for (size_t i = 0; i < streams[m].times.size(); ++i)
          aligner.push(kFour[m].name, std::span(streams[m].times).subspan(i, 1),
                       std::span(streams[m].values).subspan(i * static_cast<size_t>(kFour[m].dim), static_cast<size_t>(kFour[m].dim)));
        if (--running == 0) aligner.finish();
      });
    while (running > 0)
      for (Kept& window : pop_all(aligner)) got.push_back(std::move(window));
  }
  for (Kept& window : pop_all(aligner)) got.push_back(std::move(window));
  check_same(got, at_once(streams));
}
