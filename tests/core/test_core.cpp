// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <ATen/Parallel.h>
#include <alloy/core.hpp>
#include <alloy/core/eigen.hpp>
#include <alloy/layers.hpp>

#include <mutex>
#include <set>
#include <thread>

using namespace alloy;

TEST_CASE("check formats its message only when it fails", "[core]") {
  struct Counted {};
  CHECK_NOTHROW(check<ShapeError>(true, "{}", {1}));
  CHECK_THROWS_WITH(check<ConfigError>(false, "[X] expected {} of {}, got {} and {} {}", {3, std::vector<int64_t>{1, 2}, 0.5, "text", true}),
                    "[X] expected 3 of [1, 2], got 0.5 and text true");
  CHECK(format_message("{} {}", {torch::kFloat, torch::zeros({2, 3}, torch::kLong)}) == "float32 int64 [2, 3]");
  CHECK(format_message("{}", {Tensor()}) == "an undefined tensor");
  CHECK(format_message("{} of {}", {1}) == "1 of {}");
}

TEST_CASE("full_message joins nested causes", "[core]") {
  try {
    try {
      throw DataError("inner");
    } catch (...) {
      std::throw_with_nested(ModelError("outer"));
    }
  } catch (const Error& error) {
    CHECK(full_message(error) == "outer: inner");
  }
}

TEST_CASE("ModalityMap keeps order and names what is there", "[core]") {
  ModalityMap<int> map{{"z", 1}, {"a", 2}};
  CHECK(map.names() == std::vector<std::string>{"z", "a"});
  CHECK_THROWS_WITH(map.at("q"), ContainsSubstring("'q', got only: z, a"));
  CHECK_THROWS_AS(map.insert("z", 3), ConfigError);
  map["n"] = 5;
  map.erase("z");
  CHECK(map.names() == std::vector<std::string>{"a", "n"});
}

TEST_CASE("batches", "[core]") {
  Batch batch{{"a", {.values = torch::arange(6).view({3, 2}), .mask = torch::ones({3, 2}, torch::kBool), .present = torch::tensor({true, false, true})}}};
  batch.at("a").extra.insert("length", torch::tensor({5, 6, 7}));
  CHECK(batch_size(batch) == 3);
  const Batch picked = rows(batch, torch::tensor({2, 0}));
  CHECK_THAT(picked.at("a").values, AllClose(torch::tensor({{4, 5}, {0, 1}})));
  CHECK_THAT(picked.at("a").extra.at("length"), AllClose(torch::tensor({7, 5})));
  batch.insert("b", {.values = torch::zeros({2, 1})});
  CHECK_THROWS_WITH(batch_size(batch), ContainsSubstring("expected 3 samples as in 'a', got 2 in 'b'"));
  batch.at("b") = {.values = torch::zeros({3, 1}), .present = torch::ones({3})};
  CHECK_THROWS_WITH(batch_size(batch), ContainsSubstring("bool, on the CPU"));
  CHECK_THROWS_AS(batch_size({}), ShapeError);
}

TEST_CASE("Random is the same everywhere", "[core]") {
  Random random(42);
  CHECK(random.next() == 13679457532755275413ull);  // reference value of SplitMix64
  double sum = 0, squares = 0;
  for (int i = 0; i < 20000; ++i) {
    const double x = random.normal();
    sum += x, squares += x * x;
  }
  CHECK_THAT(sum / 20000, WithinAbs(0.0, 0.03));
  CHECK_THAT(squares / 20000, WithinAbs(1.0, 0.05));
  auto order = random.permutation(100);
  CHECK(std::set<int64_t>(order.begin(), order.end()).size() == 100);
  CHECK(order != Random(1).permutation(100));
  CHECK(mix_seed({1, 2}) != mix_seed({2, 1}));
  CHECK_THROWS_AS(random.below(0), ConfigError);
}

TEST_CASE("parallel_for uses the threads that are set", "[core]") {
  // Without OpenMP at compile time the header's loop is serial, and nobody notices.
  const ThreadScope scope(2);
  std::mutex mutex;
  std::set<std::thread::id> ids;
  at::parallel_for(0, 2, 1, [&](int64_t, int64_t) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const std::scoped_lock lock(mutex);
    ids.insert(std::this_thread::get_id());
  });
  CHECK(ids.size() == 2);
  CHECK_THROWS_AS(set_threads(0), ConfigError);
}

TEST_CASE("the log sink gets what is at or above the level", "[core]") {
  std::vector<std::string> lines;
  set_log_sink([&](LogLevel, std::string_view text) { lines.emplace_back(text); });
  log_message(LogLevel::info, "quiet");
  log_message(LogLevel::warning, "{} loud");
  set_log_level(LogLevel::off);
  log_message(LogLevel::error, "off");
  set_log_level(LogLevel::warning);
  set_log_sink({});
  CHECK(lines == std::vector<std::string>{"{} loud"});
}

TEST_CASE("Eigen bridge", "[core]") {
  const Tensor x = torch::arange(6, torch::kFloat).view({2, 3});
  const auto matrix = to_eigen(x);
  CHECK(matrix(1, 0) == 3.0);
  CHECK_THAT(from_eigen(matrix.transpose().eval()), AllClose(x.t().to(torch::kDouble).contiguous()));
  CHECK_THROWS_AS(to_eigen(torch::zeros({1, 1, 1})), ShapeError);
}

TEST_CASE("cancel token", "[core]") {
  CancelToken token;
  const CancelToken copy = token;
  CHECK_NOTHROW(token.check("fit"));
  copy.cancel();
  CHECK_THROWS_AS(token.check("fit"), CancelledError);
}

TEST_CASE("holders", "[core]") {
  Linear a({.in_dim = 2, .out_dim = 2});
  const Linear shared = a;
  CHECK(shared.ptr() == a.ptr());
  const Linear copy = clone(a);
  CHECK(copy.ptr() != a.ptr());
  CHECK_THAT(copy->weight, SameBits(a->weight));
  a->to(torch::kDouble);
  CHECK(clone(a)->weight.scalar_type() == torch::kDouble);
  const Linear empty{nullptr};
  CHECK(empty.is_empty());
}
