// SPDX-License-Identifier: Apache-2.0
#include "measure.hpp"

#include <alloy/core/threads.hpp>

#include <ATen/Functions.h>
#include <benchmark/benchmark.h>

#include <dlfcn.h>

#include <algorithm>
#include <ctime>
#include <exception>
#include <fstream>

namespace bench {

namespace {

/// Keeps the figures instead of printing them: standard output belongs to the answers.
struct Reporter : benchmark::BenchmarkReporter {
  BlockTime time;
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs)
      if (run.run_type == Run::RT_Iteration) time = {run.GetAdjustedCPUTime(), run.GetAdjustedRealTime()};
  }
};

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// The least time of a few.
template <class F>
double best_seconds(int times, const F& f) {
  double best = 1e300;
  for (int i = 0; i < times; ++i) {
    const double began = thread_seconds();
    f();
    best = std::min(best, thread_seconds() - began);
  }
  return best;
}

}  // namespace

BlockTime time_block(const Work& work, int64_t calls, Outputs& outputs) {
  std::exception_ptr failure;
  benchmark::RegisterBenchmark("block", [&](benchmark::State& state) {
    try {
      for ([[maybe_unused]] const auto turn : state) outputs = work.call();
    } catch (...) {  // which Google Benchmark does not expect
      failure = std::current_exception();
      state.SkipWithError("failed");
    }
  })->Iterations(calls)->Unit(benchmark::kSecond)->MeasureProcessCPUTime()->UseRealTime();
  Reporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter, "block");
  benchmark::ClearRegisteredBenchmarks();
  if (failure) std::rethrow_exception(failure);
  return reporter.time;
}

double process_status(const std::string& name) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(name + ":")) return 1024 * std::stod(line.substr(name.size() + 1));
  return 0;
}

CallMemory measure_memory(const Work& work) {
  const auto start = reinterpret_cast<void (*)()>(dlsym(RTLD_DEFAULT, "alloy_count_start"));
  const auto stop = reinterpret_cast<long long (*)()>(dlsym(RTLD_DEFAULT, "alloy_count_stop"));
  std::ofstream("/proc/self/clear_refs") << "5";  // forgets the highest so far
  const double before = process_status("VmRSS");
  CallMemory memory;
  if (start) start();
  const Outputs kept = work.call();
  if (stop) memory.allocated = stop();
  memory.resident = process_status("VmHWM") - before;
  return memory;
}

double product_flops(int64_t size) {
  const alloy::ThreadScope one_thread(1);
  const at::Tensor x = at::rand({size, size}), y = at::rand({size, size});
  x.mm(y);
  return 2.0 * static_cast<double>(size * size * size) / best_seconds(5, [&] { x.mm(y); });
}

}  // namespace bench
