// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Makes the n-th system call of the library's reading and writing fail, or a write come up short, and records all calls.

#include "io/detail/syscalls.hpp"

#include <algorithm>
#include <fcntl.h>
#include <string>
#include <vector>

namespace alloy_test {

class Faults {
 public:
  static constexpr int kNone = -1, kShort = 0;  ///< besides an errno
  /// @param nth  counted from 0; -1 = no call
  /// @param sticky  all later calls fail too
  explicit Faults(int nth = -1, int error = kNone, bool sticky = false) {
    state() = {.real = alloy::detail::syscalls(), .nth = nth, .error = error, .sticky = sticky};
    alloy::detail::syscalls() = {
        .open = [](const char* path, int flags, mode_t mode) {
          const std::string what = (flags & O_ACCMODE) == O_RDONLY ? "open " : "open for writing ";
          return strike(what + path) ? -1 : state().real.open(path, flags, mode);
        },
        .pread = [](int fd, void* out, size_t count, off_t offset) -> ssize_t {
          if (strike("pread")) return -1;
          return state().real.pread(fd, out, shorten(count), offset);
        },
        .write = [](int fd, const void* data, size_t count) -> ssize_t {
          if (strike("write")) return -1;
          return state().real.write(fd, data, shorten(count));
        },
        .truncate = [](int fd, off_t size) { return strike("truncate") ? -1 : state().real.truncate(fd, size); },
        .fsync = [](int fd) { return strike("fsync") ? -1 : state().real.fsync(fd); },
        .flock = [](int fd, int operation) { return strike("flock") ? -1 : state().real.flock(fd, operation); },
        .make_folder = [](const char* path, mode_t mode) { return strike("mkdir") ? -1 : state().real.make_folder(path, mode); },
        .rename = [](const char* from, const char* to) {
          return strike(std::string("rename ") + from + " " + to) ? -1 : state().real.rename(from, to);
        },
        .exchange = [](const char* a, const char* b) {
          if (strike("exchange")) return -1;
          if (!state().can_exchange) {
            errno = EINVAL;
            return -1;
          }
          return state().real.exchange(a, b);
        },
    };
  }
  ~Faults() { alloy::detail::syscalls() = state().real; }
  Faults(const Faults&) = delete;
  Faults& operator=(const Faults&) = delete;

  /// As on a file system without RENAME_EXCHANGE.
  void forbid_exchange() { state().can_exchange = false; }
  const std::vector<std::string>& calls() const { return state().calls; }
  bool struck() const { return static_cast<int>(calls().size()) > state().nth; }

 private:
  struct State {
    alloy::detail::Syscalls real;
    int nth, error;
    bool sticky;
    bool can_exchange = true;
    std::vector<std::string> calls = {};
  };
  static State& state() {
    static State instance{};
    return instance;
  }
  static bool strike(std::string call) {
    const int index = static_cast<int>(state().calls.size());
    state().calls.push_back(std::move(call));
    const bool now = state().nth >= 0 && (state().sticky ? index >= state().nth : index == state().nth);
    if (!now || state().error <= kShort) return false;
    errno = state().error;
    return true;
  }
  static size_t shorten(size_t count) {
    const bool now = static_cast<int>(state().calls.size()) - 1 == state().nth || (state().sticky && state().nth >= 0);
    return now && state().error == kShort ? std::max<size_t>(1, count / 2) : count;
  }
};

}  // namespace alloy_test
