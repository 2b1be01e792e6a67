// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Process groups whose processes are threads of the test: for everything but the death of a process.

#include <alloy/core/random.hpp>
#include <alloy/core/threads.hpp>
#include <alloy/train/process_group.hpp>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <thread>

namespace alloy_test {

/// A socket that listens on a port of its own, below those that the system gives to connections.
class Listener {
 public:
  Listener() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    static std::atomic<uint64_t> calls = 0;
    alloy::Random random(alloy::mix_seed({static_cast<uint64_t>(::getpid()), calls++}));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    do {
      port_ = 20000 + random.below(12000);
      address.sin_port = htons(static_cast<uint16_t>(port_));
    } while (::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0);
    ::listen(socket_, 1);
  }
  ~Listener() { ::close(socket_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  int64_t port() const { return port_; }

 private:
  int socket_;
  int64_t port_ = 0;
};

inline int64_t free_port() { return Listener().port(); }

inline std::string error_text(const std::exception& e) {
  const auto is = [&]<class E>(const E*) { return dynamic_cast<const E*>(&e) != nullptr; };
  const char* type = is(static_cast<alloy::NetworkError*>(nullptr))  ? "NetworkError: "
                     : is(static_cast<alloy::ConfigError*>(nullptr)) ? "ConfigError: "
                     : is(static_cast<alloy::ShapeError*>(nullptr))  ? "ShapeError: "
                     : is(static_cast<alloy::DataError*>(nullptr))   ? "DataError: "
                                                                     : "another error: ";
  return type + std::string(e.what());
}

/// What `work` threw, as text with the type before it; empty if nothing.
inline std::string error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& e) {
    return error_text(e);
  }
  return {};
}

/// Runs `work(options)` in a thread for each rank, and returns what each threw. No assertions inside: Catch2 has no threads.
inline std::vector<std::string> run_options(int64_t world, double timeout, const std::function<void(const alloy::ProcessGroupOptions&)>& work) {
  std::vector<std::string> errors(static_cast<size_t>(world));
  std::vector<std::thread> threads;
  const alloy::ThreadScope one_each(1);
  const int64_t port = free_port();
  for (int64_t rank = 0; rank < world; ++rank)
    threads.emplace_back([&, rank] {
      errors[static_cast<size_t>(rank)] = error_of([&] { work({.rank = rank, .world_size = world, .master_port = port, .timeout_seconds = timeout}); });
    });
  for (auto& thread : threads) thread.join();
  return errors;
}

inline std::vector<std::string> run_ranks(int64_t world, const std::function<void(alloy::ProcessGroup&)>& work, double timeout = 30) {
  return run_options(world, timeout, [&](const alloy::ProcessGroupOptions& options) {
    alloy::ProcessGroup group(options);
    work(group);
  });
}

}  // namespace alloy_test
