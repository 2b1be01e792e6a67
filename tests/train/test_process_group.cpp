// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/ranks.hpp"

#include <alloy/alloy.hpp>

#include <chrono>
#include <cstdlib>

using namespace alloy;

namespace {

const std::vector<std::string> kNoErrors3(3), kNoErrors2(2);

class Environment {
 public:
  explicit Environment(const std::vector<std::pair<std::string, std::string>>& values) {
    clear();
    for (const auto& [name, value] : values) ::setenv(name.c_str(), value.c_str(), 1);
  }
  ~Environment() { clear(); }

 private:
  static void clear() {
    for (const char* name : {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "GLOO_SOCKET_IFNAME", "TORCHELASTIC_USE_AGENT_STORE", "TORCHELASTIC_RESTART_COUNT"}) ::unsetenv(name);
  }
};

std::string environment_error(const std::vector<std::pair<std::string, std::string>>& values) {
  const Environment environment(values);
  return error_of([] { process_group_from_environment(); });
}

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

TEST_CASE("process_group_from_environment", "[train]") {
  SECTION("nothing set: one process") {
    const Environment environment({});
    CHECK(process_group_from_environment().world_size == 1);
  }
  SECTION("as torchrun sets it") {
    const Environment environment({{"RANK", "2"}, {"WORLD_SIZE", "4"}, {"MASTER_ADDR", "node7"}, {"MASTER_PORT", "1234"}, {"TORCHELASTIC_USE_AGENT_STORE", "True"},
                                   {"TORCHELASTIC_RESTART_COUNT", "3"}, {"GLOO_SOCKET_IFNAME", "eth1"}});
    const auto o = process_group_from_environment();
    CHECK((o.rank == 2 && o.world_size == 4 && o.master_address == "node7" && o.master_port == 1234));
    CHECK((o.launcher_hosts_store && o.attempt == 3 && o.interface == "eth1"));
  }
  SECTION("a world of one needs no master") {
    const Environment environment({{"RANK", "0"}, {"WORLD_SIZE", "1"}});
    CHECK(process_group_from_environment().world_size == 1);
  }
  SECTION("names what is missing or wrong") {
    CHECK_THAT(environment_error({{"WORLD_SIZE", "2"}}), ContainsSubstring("ConfigError") && ContainsSubstring("variable RANK"));
    CHECK_THAT(environment_error({{"RANK", "0"}, {"WORLD_SIZE", ""}}), ContainsSubstring("variable WORLD_SIZE"));
    CHECK_THAT(environment_error({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_PORT", "1"}}), ContainsSubstring("variable MASTER_ADDR"));
    CHECK_THAT(environment_error({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "a"}}), ContainsSubstring("variable MASTER_PORT"));
    CHECK_THAT(environment_error({{"MASTER_ADDR", "a"}}), ContainsSubstring("variable RANK"));  // rather than two processes that train alone
    CHECK_THAT(environment_error({{"RANK", "1x"}, {"WORLD_SIZE", "2"}}), ContainsSubstring("RANK to be a whole number, got '1x'"));
    CHECK_THAT(environment_error({{"RANK", "0"}, {"WORLD_SIZE", "99999999999999999999"}}), ContainsSubstring("WORLD_SIZE to be a whole number"));
    CHECK_THAT(environment_error({{"RANK", "2"}, {"WORLD_SIZE", "2"}}), ContainsSubstring("got RANK 2 and WORLD_SIZE 2"));
    CHECK_THAT(environment_error({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "a"}, {"MASTER_PORT", "70000"}}), ContainsSubstring("master_port in 1..65535, got 70000"));
  }
}

TEST_CASE("options of a process group are checked", "[train]") {
  CHECK_THROWS_AS(ProcessGroup({.rank = 1}), ConfigError);
  CHECK_THROWS_AS(ProcessGroup({.world_size = 0}), ConfigError);
  CHECK_THROWS_AS(ProcessGroup({.master_address = ""}), ConfigError);
  CHECK_THROWS_AS(ProcessGroup({.timeout_seconds = 0}), ConfigError);
  CHECK_THROWS_AS(ProcessGroup({.attempt = -1}), ConfigError);
}

TEST_CASE("a group of one process needs no network", "[train]") {
  ProcessGroup group{ProcessGroupOptions{}};
  CHECK((group.rank() == 0 && group.world_size() == 1));
  group.barrier();
  Tensor x = torch::arange(3.0);
  group.broadcast(x, 0);
  group.all_reduce_sum(x);
  CHECK_THAT(x, SameBits(torch::arange(3.0)));
  const auto all = group.all_gather(x);
  REQUIRE(all.size() == 1);
  CHECK_THAT(all[0], SameBits(x));
  CHECK_FALSE(all[0].is_same(x));
  CHECK_THROWS_AS(group.broadcast(x, 1), ConfigError);
  Tensor truth = torch::ones({2}, torch::kBool), none;
  CHECK_THROWS_WITH(group.all_reduce_sum(truth), ContainsSubstring("floating or int64, got bool [2]"));
  CHECK_THROWS_AS(group.broadcast(none, 0), ShapeError);
}

TEST_CASE("collectives of three processes", "[train]") {
  std::vector<Tensor> sums(3), narrow(3), columns(3), counts(3), words(3), given(3), scalar(3);
  std::vector<std::vector<Tensor>> rows(3), flags(3), nothing(3);
  const auto errors = run_ranks(3, [&](ProcessGroup& group) {
    const auto r = static_cast<size_t>(group.rank());
    const double factor = static_cast<double>(r) + 1;
    group.barrier();
    sums[r] = torch::arange(1000.0) * 0.1F * factor;
    group.all_reduce_sum(sums[r]);
    narrow[r] = torch::full({5}, 256.5 * factor).to(torch::kBFloat16);
    group.all_reduce_sum(narrow[r]);
    columns[r] = torch::full({2, 3}, factor, torch::kDouble).t();
    group.all_reduce_sum(columns[r]);
    counts[r] = torch::tensor({int64_t{1} << 60, int64_t(r)});
    group.all_reduce_sum(counts[r]);
    words[r] = torch::full({2, 2}, r == 1).t();
    group.broadcast(words[r], 1);
    given[r] = torch::full({2}, factor, torch::kHalf).set_requires_grad(true);
    group.broadcast(given[r], 2);
    scalar[r] = torch::tensor(factor);
    group.broadcast(scalar[r], 0);
    rows[r] = group.all_gather(torch::full({static_cast<int64_t>(2 - r), 2}, factor).set_requires_grad(true));
    flags[r] = group.all_gather(torch::full({static_cast<int64_t>(r) + 1}, r == 1));
    nothing[r] = group.all_gather(torch::zeros({0, 4}));
  });
  CHECK(errors == kNoErrors3);
  for (size_t r = 0; r < 3; ++r) {
    INFO("rank " << r);
    CHECK_THAT(sums[r], AllClose(torch::arange(1000.0) * 0.6F, 1e-4));
    CHECK_THAT(sums[r], SameBits(sums[0]));
    CHECK_THAT(narrow[r], SameBits(torch::full({5}, 256.0 + 512 + 770).to(torch::kBFloat16)));  // 256.5, 513, 769.5 rounded to bfloat16, summed in float
    CHECK_THAT(columns[r], SameBits(torch::full({3, 2}, 6.0, torch::kDouble)));
    CHECK_THAT(counts[r], SameBits(torch::tensor({3 * (int64_t{1} << 60), int64_t{3}})));
    CHECK_THAT(words[r], SameBits(torch::ones({2, 2}, torch::kBool)));
    CHECK_THAT(given[r].detach(), SameBits(torch::full({2}, 3, torch::kHalf)));
    CHECK_THAT(scalar[r], SameBits(torch::tensor(1.0)));
    REQUIRE(rows[r].size() == 3);
    for (size_t from = 0; from < 3; ++from) {
      CHECK_THAT(rows[r][from], SameBits(torch::full({static_cast<int64_t>(2 - from), 2}, static_cast<double>(from) + 1)));
      CHECK_FALSE(rows[r][from].requires_grad());
      CHECK_THAT(flags[r][from], SameBits(torch::full({static_cast<int64_t>(from) + 1}, from == 1)));
      CHECK_THAT(nothing[r][from], SameBits(torch::zeros({0, 4})));
    }
  }
}

TEST_CASE("processes that disagree all learn of it and may go on", "[train]") {
  std::vector<std::vector<std::string>> texts(2);
  Tensor last;
  const auto errors = run_ranks(2, [&](ProcessGroup& group) {
    const bool first = group.rank() == 0;
    const auto note = [&](const std::function<void()>& work) { texts[first ? 0 : 1].push_back(error_of(work)); };
    const auto sized = [&](int64_t mine, int64_t other) { return torch::zeros({2, first ? mine : other}); };
    note([&] { group.all_gather(sized(3, 4)); });
    note([&] { auto x = sized(3, 4); group.all_reduce_sum(x); });
    note([&] { auto x = torch::zeros({2}, first ? torch::kFloat : torch::kDouble); group.broadcast(x, 0); });
    note([&] { auto x = torch::zeros({2}); group.broadcast(x, first ? 0 : 1); });
    note([&] { auto x = torch::zeros({2}); group.broadcast(x, 2); });
    note([&] { auto x = torch::zeros({2}); first ? group.barrier() : group.all_reduce_sum(x); });
    note([&] { group.all_gather(first ? torch::zeros({2}) : Tensor()); });
    note([&] { group.all_gather(torch::zeros({})); });
    Tensor x = torch::ones({1});
    group.all_reduce_sum(x);
    if (first) last = x;
  });
  CHECK(errors == kNoErrors2);
  const char* wanted[] = {"ShapeError: [ProcessGroup::all_gather] expected one shape and dtype on all processes, got float32 [-1, 3] on process 0 and float32 [-1, 4] on process 1",
                          "ShapeError: [ProcessGroup::all_reduce_sum] expected one shape and dtype on all processes, got float32 [2, 3] on process 0 and float32 [2, 4] on process 1",
                          "float32 [2] on process 0 and float64 [2] on process 1",
                          "ConfigError: [ProcessGroup::broadcast] expected all processes in one collective, got broadcast (root 0) on process 0 and broadcast (root 1) on process 1",
                          "ConfigError: [ProcessGroup::broadcast] expected root in 0..1, got 2",
                          "got barrier (root 0) on process 0 and all_reduce_sum (root 0) on process 1",
                          "ShapeError: [ProcessGroup::all_gather] expected a dense tensor",
                          "of 1..8 axes on the CPU, got float32 []"};
  for (const auto& side : texts) {
    REQUIRE(side.size() == std::size(wanted));
    for (size_t i = 0; i < side.size(); ++i) CHECK_THAT(side[i], ContainsSubstring(wanted[i]));
  }
  CHECK_THAT(texts[0][6], ContainsSubstring("another on process 1"));
  CHECK_THAT(texts[1][6], ContainsSubstring("got an undefined tensor"));
  CHECK_THAT(last, SameBits(torch::full({1}, 2.0)));
}

TEST_CASE("a group that cannot meet", "[train]") {
  SECTION("no process 0") {
    const double took = seconds_of([] {
      CHECK_THAT(error_of([] { ProcessGroup({.rank = 1, .world_size = 2, .master_port = free_port(), .timeout_seconds = 0.2}); }),
                 ContainsSubstring("NetworkError") && ContainsSubstring("process 1 of 2") && ContainsSubstring("does process 0 run"));
    });
    CHECK(took < 5.2);
  }
  SECTION("a port in use") {
    const Listener other;
    CHECK_THAT(error_of([&] { ProcessGroup({.world_size = 2, .master_port = other.port(), .timeout_seconds = 5}); }),
               ContainsSubstring("NetworkError") && ContainsSubstring("127.0.0.1:" + std::to_string(other.port())) && ContainsSubstring("port in use"));
  }
  SECTION("a server that is no process 0") {
    const Listener other;
    const double took = seconds_of([&] {
      CHECK_THAT(error_of([&] { ProcessGroup({.rank = 1, .world_size = 2, .master_port = other.port(), .timeout_seconds = 0.2}); }), ContainsSubstring("NetworkError"));
    });
    CHECK(took < 5.2);
  }
  SECTION("an address that does not resolve") {
    CHECK_THAT(error_of([] { ProcessGroup({.rank = 1, .world_size = 2, .master_address = "host.invalid", .master_port = free_port(), .timeout_seconds = 0.2}); }),
               ContainsSubstring("NetworkError") && ContainsSubstring("host.invalid"));
  }
  SECTION("somebody is missing") {
    CHECK_THAT(error_of([] { ProcessGroup({.world_size = 2, .master_port = free_port(), .timeout_seconds = 0.2}); }),
               ContainsSubstring("NetworkError") && ContainsSubstring("expected 2 processes") && ContainsSubstring("got none with rank [1]"));
  }
  SECTION("a rank twice") {
    std::atomic<bool> refused = false;
    const auto errors = run_options(3, 30, [&](ProcessGroupOptions o) {
      o.world_size = 2;
      o.rank = std::min<int64_t>(o.rank, 1);
      try {
        ProcessGroup group(o);
        while (!refused) std::this_thread::yield();  // so that the store is still there for the second
      } catch (const ConfigError&) {
        refused = true;
        throw;
      }
    });
    CHECK(errors[0].empty());
    CHECK_THAT(errors[1] + errors[2], ContainsSubstring("ConfigError: [ProcessGroup] expected each rank once, got two processes with rank 1 at 127.0.0.1"));
  }
  SECTION("a network interface that is not there") {
    CHECK_THAT(error_of([] { ProcessGroup({.world_size = 2, .timeout_seconds = 30, .interface = "no0"}); }), ContainsSubstring("NetworkError") && ContainsSubstring("GLOO_SOCKET_IFNAME"));
  }
}

TEST_CASE("a peer that leaves is a NetworkError", "[train]") {
  std::vector<std::string> again(3);
  const auto errors = run_ranks(3, [&](ProcessGroup& group) {
    group.barrier();
    if (group.rank() == 1) return;
    Tensor x = torch::ones({100});
    again[static_cast<size_t>(group.rank())] = error_of([&] { group.all_reduce_sum(x); });
    group.barrier();
  });
  for (const size_t r : {size_t{0}, size_t{2}}) {
    CHECK_THAT(again[r], ContainsSubstring("NetworkError: [ProcessGroup::all_reduce_sum] expected all 3 processes to take part within 30 s, got on process " + std::to_string(r)));
    CHECK_THAT(errors[r], ContainsSubstring("got one whose all_reduce_sum failed before"));
  }
}
