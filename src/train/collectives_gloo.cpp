// SPDX-License-Identifier: Apache-2.0
// All of c10d is in this file, but for NCCL. Gloo's own headers are not needed: Note [Gloo by name].
#ifndef USE_C10D_GLOO
#define USE_C10D_GLOO
#endif
#include "train/detail/collectives.hpp"
#ifdef ALLOY_WITH_NCCL
#include "train/detail/nccl_collectives.hpp"
#endif

#include <ATen/Functions.h>
#include <c10/util/Logging.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <chrono>
#include <csignal>
#include <future>
#include <mutex>
#include <thread>

namespace alloy::detail {

namespace {

using std::chrono::milliseconds;
using Store = c10::intrusive_ptr<c10d::Store>;

milliseconds timeout_of(const ProcessGroupOptions& o) { return milliseconds(static_cast<int64_t>(o.timeout_seconds * 1000)); }

/// What is left of the time to meet: its steps share one timeout.
class Deadline {
 public:
  explicit Deadline(milliseconds timeout) : end_(std::chrono::steady_clock::now() + timeout) {}
  milliseconds left() const { return std::max(milliseconds(1), std::chrono::duration_cast<milliseconds>(end_ - std::chrono::steady_clock::now())); }

 private:
  std::chrono::steady_clock::time_point end_;
};

/// LibTorch's store writes stack traces to standard error while it tries again; what they say is in the error that is thrown.
class QuietStore {
 public:
#ifdef C10_USE_GLOG
  QuietStore() {}
#else
  QuietStore() {
    const std::scoped_lock lock(mutex());
    if (count()++ == 0) before() = std::exchange(FLAGS_caffe2_log_level, c10::GLOG_FATAL);
  }
  ~QuietStore() {
    const std::scoped_lock lock(mutex());
    if (--count() == 0) FLAGS_caffe2_log_level = before();
  }
#endif
  QuietStore(const QuietStore&) = delete;
  QuietStore& operator=(const QuietStore&) = delete;

 private:  // the level is one for the process
  static std::mutex& mutex() {
    static std::mutex one;
    return one;
  }
  static int& count() {
    static int meetings = 0;
    return meetings;
  }
  static int& before() {
    static int level = 0;
    return level;
  }
};

class GlooCollectives final : public Collectives {
 public:
  explicit GlooCollectives(c10::intrusive_ptr<c10d::Backend> backend) : backend_(std::move(backend)) {}

  void broadcast(const Tensor& tensor, int64_t root) override {
    std::vector<Tensor> tensors{tensor};
    c10d::BroadcastOptions options;
    options.rootRank = root;
    backend_->broadcast(tensors, options)->wait();
  }
  void all_reduce_sum(const Tensor& tensor) override {
    std::vector<Tensor> tensors{tensor};
    backend_->allreduce(tensors)->wait();
  }
  std::vector<Tensor> all_gather(const Tensor& tensor) override {
    std::vector<std::vector<Tensor>> all(1);
    for (int i = 0; i < backend_->getSize(); ++i) all[0].push_back(at::empty_like(tensor));
    std::vector<Tensor> tensors{tensor};
    backend_->allgather(all, tensors)->wait();
    return std::move(all[0]);
  }
  void barrier() { backend_->barrier()->wait(); }

 private:
  c10::intrusive_ptr<c10d::Backend> backend_;
};

Store open_store(const ProcessGroupOptions& o, const Deadline& deadline) {
  c10d::TCPStoreOptions store;
  store.port = static_cast<uint16_t>(o.master_port);
  store.isServer = o.rank == 0 && !o.launcher_hosts_store;
  store.waitWorkers = false;  // arrivals are counted by meet_in_store, which can say who is missing
  store.timeout = deadline.left();
  store.useLibUV = false;  // not every build of LibTorch has it
  return c10::make_intrusive<c10d::PrefixStore>("alloy/attempt_" + std::to_string(o.attempt), c10::make_intrusive<c10d::TCPStore>(o.master_address, store));
}

std::string arrival(int64_t rank) { return "arrived/" + std::to_string(rank); }

/// Those of the other processes that have not come, as far as the store still answers.
std::vector<int64_t> missing(const Store& store, const ProcessGroupOptions& o) {
  std::vector<int64_t> ranks;
  try {
    for (int64_t rank = 0; rank < o.world_size; ++rank)
      if (!store->check({arrival(rank)})) ranks.push_back(rank);
  } catch (const std::exception&) {  // process 0 has given up first
    ranks.clear();
  }
  return ranks;
}

/// @throws ConfigError, or NetworkError naming who is missing
void meet_in_store(const Store& store, const ProcessGroupOptions& o, const Deadline& deadline) {
  check<ConfigError>(store->add(arrival(o.rank), 1) == 1, "[ProcessGroup] expected each rank once, got two processes with rank {} at {}:{}", {o.rank, o.master_address, o.master_port});
  std::vector<std::string> all;
  for (int64_t rank = 0; rank < o.world_size; ++rank) all.push_back(arrival(rank));
  try {
    store->wait(all, deadline.left());
  } catch (const std::exception&) {
    const auto ranks = missing(store, o);
    if (ranks.empty()) throw;
    fail<NetworkError>("[ProcessGroup] expected {} processes at {}:{} within {} s, got none with rank {}: did they start, with the same WORLD_SIZE, MASTER_ADDR and MASTER_PORT?",
                       {o.world_size, o.master_address, o.master_port, o.timeout_seconds, ranks});
  }
}

bool is_loopback(const std::string& address) { return address == "localhost" || address == "::1" || address.starts_with("127."); }

using Gloo = c10d::ProcessGroupGloo;
using GlooOptions = c10::intrusive_ptr<Gloo::Options>;

GlooOptions make_options(const ProcessGroupOptions& o) {
  const auto options = Gloo::Options::create(timeout_of(o));
  options->threads = 1;  // collectives come one after the other
  options->devices = {!o.interface.empty()                ? Gloo::createDeviceForInterface(o.interface)
                      : is_loopback(o.master_address) ? Gloo::createDeviceForHostname("127.0.0.1")
                                                      : Gloo::createDefaultDevice()};
  return options;
}

std::unique_ptr<Collectives> connect_gloo(const Store& store, const ProcessGroupOptions& o, const GlooOptions& options) {
  auto group = std::make_unique<GlooCollectives>(c10::make_intrusive<Gloo>(store, static_cast<int>(o.rank), static_cast<int>(o.world_size), options));
#ifdef ALLOY_WITH_NCCL
  return with_nccl(std::move(group), store, o);  // NCCL meets with the first tensor, and needs the store until then
#else
  group->barrier();  // nobody needs the store any more, so that process 0 may end when it likes
  return group;
#endif
}

/// Runs a step of the meeting and says of its failure what to look for.
template <class Step>
auto attempt(const ProcessGroupOptions& o, std::string_view hint, const Step& step) {
  try {
    return step();
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    fail<NetworkError>("[ProcessGroup] expected process {} of {} to meet the others at {}:{} within {} s, got: {}; {}",
                       {o.rank, o.world_size, o.master_address, o.master_port, o.timeout_seconds, first_line(e), hint});
  }
}

std::unique_ptr<Collectives> meet(const ProcessGroupOptions& o) {
  const Deadline deadline(timeout_of(o));
  const bool serves = o.rank == 0 && !o.launcher_hosts_store;
  const GlooOptions options = attempt(o, "is the network interface (GLOO_SOCKET_IFNAME) one of this machine's?", [&] { return make_options(o); });
  const Store store = attempt(o, serves ? "is the port in use, by another run perhaps? Choose another MASTER_PORT" : "does process 0 run, and are MASTER_ADDR and MASTER_PORT its own?",
                              [&] { return open_store(o, deadline); });
  attempt(o, "did another process end, or give up before?", [&] { meet_in_store(store, o, deadline); });
  return attempt(o, "did another process end, or is the network interface (GLOO_SOCKET_IFNAME) one that others cannot reach?", [&] { return connect_gloo(store, o, options); });
}

/// A write to a connection that the peer has closed: an error, and no signal that ends the process.
void block_sigpipe() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

}  // namespace

// Note [Meeting in a thread]: the store waits without limit for a server that takes a connection and says nothing, as another
// program at the port may do, or a process 0 that was stopped. The thread that waits is then left behind. A thread of its own
// also has signals of its own: Gloo's threads, which are made in it and do all writing, inherit that SIGPIPE is blocked.
std::unique_ptr<Collectives> connect_collectives(const ProcessGroupOptions& o) {
  std::promise<std::unique_ptr<Collectives>> promise;
  auto result = promise.get_future();
  std::thread([o](std::promise<std::unique_ptr<Collectives>> met) {
    const QuietStore quiet;
    block_sigpipe();
    try {
      met.set_value(meet(o));
    } catch (...) {
      met.set_exception(std::current_exception());
    }
  }, std::move(promise)).detach();
  const bool answered = result.wait_for(timeout_of(o) + std::chrono::seconds(1)) == std::future_status::ready;
  check<NetworkError>(answered, "[ProcessGroup] expected process {} of {} to meet the others at {}:{} within {} s, got no answer from there; does another program "
                      "listen at the port, or is process 0 stuck?", {o.rank, o.world_size, o.master_address, o.master_port, o.timeout_seconds});
  return result.get();
}

}  // namespace alloy::detail
