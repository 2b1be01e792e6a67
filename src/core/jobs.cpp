// SPDX-License-Identifier: Apache-2.0
#include <alloy/core/check.hpp>
#include <alloy/core/jobs.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace alloy {

void run_jobs(int64_t count, int64_t workers, const std::function<void(int64_t)>& work, const std::function<void(int64_t)>& report) {
  check<ConfigError>(count >= 0 && workers >= 1, "[run_jobs] expected count >= 0 and workers >= 1, got {} and {}", {count, workers});
  workers = std::min(workers, count);
  std::mutex mutex;
  std::condition_variable changed;
  int64_t next = 0, done = 0, running = workers;
  std::exception_ptr error;
  const auto loop = [&] {
    std::unique_lock lock(mutex);
    while (next < count && !error) {
      const int64_t i = next++;
      lock.unlock();
      std::exception_ptr mine;
      try {
        work(i);
      } catch (...) {
        mine = std::current_exception();
      }
      lock.lock();
      if (mine && !error) error = mine;
      ++done;
    }
    --running;
    changed.notify_all();
  };
  {
    std::vector<std::jthread> threads;  // joined at the end of this block, also when no more of them can be started
    std::unique_lock lock(mutex);
    try {
      for (int64_t i = 0; i < workers; ++i) threads.emplace_back(loop);
    } catch (...) {
      running -= workers - static_cast<int64_t>(threads.size());
      error = std::current_exception();
    }
    for (bool ended = false; !ended;) {
      ended = changed.wait_for(lock, std::chrono::milliseconds(200), [&] { return running == 0; });
      const int64_t so_far = done;
      lock.unlock();
      std::exception_ptr mine;
      try {
        if (report) report(so_far);
      } catch (...) {
        mine = std::current_exception();
      }
      lock.lock();
      if (mine && !error) error = mine;
    }
    lock.unlock();
  }
  if (error) std::rethrow_exception(error);
}

int64_t num_cores() { return std::max(1U, std::thread::hardware_concurrency()); }

}  // namespace alloy
