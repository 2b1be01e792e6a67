// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core/error.hpp>
#include <alloy/core/jobs.hpp>
#include <alloy/core/threads.hpp>

#include <atomic>
#include <set>
#include <thread>

using namespace alloy;

TEST_CASE("run_jobs does each job once", "[core]") {
  for (const int64_t workers : {1, 3, 50}) {
    std::vector<std::atomic<int>> calls(20);
    std::vector<int64_t> reports;
    run_jobs(20, workers, [&](int64_t i) { ++calls[static_cast<size_t>(i)]; }, [&](int64_t done) { reports.push_back(done); });
    for (const auto& count : calls) CHECK(count == 1);
    REQUIRE_FALSE(reports.empty());
    CHECK(reports.back() == 20);
  }
  run_jobs(0, 2, [](int64_t) { FAIL("no job was asked for"); });
}

TEST_CASE("run_jobs runs jobs at once, and in order on one worker", "[core]") {
  std::atomic<int> inside = 0;
  run_jobs(2, 2, [&](int64_t) {  // ends only if both are inside together
    ++inside;
    while (inside < 2) std::this_thread::yield();
  });
  CHECK(inside == 2);
  std::vector<int64_t> order;
  run_jobs(5, 1, [&](int64_t i) { order.push_back(i); });
  CHECK(order == std::vector<int64_t>{0, 1, 2, 3, 4});
}

TEST_CASE("run_jobs passes on what is thrown", "[core]") {
  std::atomic<int> begun = 0;
  const auto failing = [&](int64_t i) {
    ++begun;
    if (i == 1) throw DataError("job 1 failed");
  };
  CHECK_THROWS_WITH(run_jobs(1000, 1, failing), "job 1 failed");
  CHECK(begun == 2);  // the rest was dropped
  const auto stop = [](int64_t) { throw CancelledError("enough"); };
  CHECK_THROWS_AS(run_jobs(3, 2, [](int64_t) {}, stop), CancelledError);
  CHECK_THROWS_AS(run_jobs(1, 0, [](int64_t) {}), ConfigError);
  CHECK_THROWS_AS(run_jobs(-1, 1, [](int64_t) {}), ConfigError);
}

TEST_CASE("jobs under a ThreadScope keep to its number of threads", "[core]") {
  const ThreadScope scope(1);
  std::atomic<int> most = 0;
  run_jobs(4, 2, [&](int64_t) { most = std::max(most.load(), threads()); });
  CHECK(most == 1);
}
