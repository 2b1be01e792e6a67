// SPDX-License-Identifier: Apache-2.0
// Streams run for a while without a single allocation: of push and pop, after the aligner and a window were made. The heap is counted
// by bench/preload/count_allocations.cpp, which is linked in, so LibTorch's tensors and the standard containers come by it too.
#include <alloy/alignment/stream_aligner.hpp>

#include <ATen/Functions.h>

#include <cmath>
#include <cstdio>

extern "C" {
void alloy_count_start();
long long alloy_count_stop();
}

using namespace alloy;

namespace {

template <class Work>
long long bytes_of(const Work& work) {
  alloy_count_start();
  work();
  return alloy_count_stop();
}

}  // namespace

int main() {
  const long long tensor = bytes_of([] { at::zeros({1000}); }), container = bytes_of([] { std::vector<double>(1000).front() = 1; });
  if (tensor < 4000 || container < 8000) {
    std::printf("the counter does not count: %lld and %lld bytes\n", tensor, container);
    return 1;
  }
  StreamAligner aligner({.modalities = {{.name = "video", .dim = 16, .max_gap_seconds = 0.05},
                                        {.name = "imu", .dim = 6, .method = StreamMethod::linear},
                                        {.name = "audio", .method = StreamMethod::window_mean, .capacity = 20000},
                                        {.name = "slow", .method = StreamMethod::previous, .max_gap_seconds = 2}},
                         .reorder_seconds = 0.05});
  StreamWindow window = aligner.make_window();
  std::vector<double> times(160);
  const std::vector<float> values(160 * 16, 1);
  const Tensor slow_times = at::zeros({1}, at::kDouble), slow_values = at::ones({1, 1});
  int64_t windows = 0;
  const auto second = [&](int64_t at) {  // bursts, some late, some out of order, some twice, one sensor that falls silent
    for (int64_t part = 0; part < 10; ++part) {
      const double begin = static_cast<double>(at) + static_cast<double>(part) / 10;
      const auto send = [&](std::string_view name, size_t count, size_t dim) {
        for (size_t i = 0; i < count; ++i) times[i] = begin + 0.1 * static_cast<double>(i ^ 1) / static_cast<double>(count) - (i % 7 == 0 ? 0.04 : 0);
        aligner.push(name, std::span(times).first(count), std::span(values).first(count * dim));
      };
      send("video", 3, 16);
      if (at % 5 != 4) send("imu", 20, 6);
      send("audio", 160, 1);
    }
    slow_times.mutable_data_ptr<double>()[0] = static_cast<double>(at);
    aligner.push("slow", slow_times, slow_values);
    while (aligner.pop(window)) ++windows;
  };
  const long long bytes = bytes_of([&] {
    for (int64_t at = 0; at < 60; ++at) second(at);
  });
  const StreamCounts imu = aligner.counts("imu");
  std::printf("%lld windows, %lld samples of 'imu' out of order, %lld dropped as too far back: %lld bytes allocated\n",
              static_cast<long long>(windows), static_cast<long long>(imu.reordered), static_cast<long long>(imu.backwards), bytes);
  return bytes == 0 && windows > 100 && imu.reordered > 100 ? 0 : 1;
}
