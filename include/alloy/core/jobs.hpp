// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Independent pieces of work on a few threads. For work around tensors, not inside them: with `ThreadScope(1)` each job
/// runs its tensor operations on its own thread, which for small models is faster than many threads for each operation,
/// and makes results independent of how many jobs run at once.

#include <alloy/core/export.hpp>

#include <cstdint>
#include <functional>

namespace alloy {

/// Calls `work(i)` for i = 0 .. count-1 on `workers` threads, each as soon as one is free, in that order, and `report(done)`
/// on this thread about five times a second and at the end. What either throws lets the running jobs finish, drops the
/// rest, and passes through.
/// @throws ConfigError unless count >= 0 and workers >= 1
ALLOY_API void run_jobs(int64_t count, int64_t workers, const std::function<void(int64_t i)>& work, const std::function<void(int64_t done)>& report = {});

/// Cores of this machine, at least 1.
ALLOY_API int64_t num_cores();

}  // namespace alloy
