// SPDX-License-Identifier: Apache-2.0
#include <alloy/core/threads.hpp>

#include <ATen/Parallel.h>
#include <alloy/core/check.hpp>

#include <omp.h>

namespace alloy {

void set_threads(int count) {
  check<ConfigError>(count >= 1, "[set_threads] expected at least 1 thread, got {}", {count});
  at::set_num_threads(count);
}
int threads() { return at::get_num_threads(); }
ThreadScope::~ThreadScope() { at::set_num_threads(before_); }

// OpenMP keeps the number for each thread; LibTorch sets it when a thread first asks, so it has to ask before.
SerialScope::SerialScope() : before_(at::get_num_threads()) { omp_set_num_threads(1); }
SerialScope::~SerialScope() { omp_set_num_threads(before_); }

}  // namespace alloy
