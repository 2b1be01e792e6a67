// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The number of threads that tensor operations use: one pool for all of LibTorch and alloy. Results are bitwise
/// repeatable for the same number.

#include <alloy/core/export.hpp>

namespace alloy {

/// @throws ConfigError unless count >= 1
ALLOY_API void set_threads(int count);
ALLOY_API int threads();

/// Sets the number for a scope and restores it.
class ALLOY_API ThreadScope {
 public:
  explicit ThreadScope(int count) : before_(threads()) { set_threads(count); }
  ~ThreadScope();
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int before_;
};

/// For a scope, the calling thread computes alone: its tensor operations start no others. For threads that work beside the one that
/// trains: each would have a pool of its own otherwise, and pools that wait for more cores than there are make all of them many times slower.
class ALLOY_API SerialScope {
 public:
  SerialScope();
  ~SerialScope();
  SerialScope(const SerialScope&) = delete;
  SerialScope& operator=(const SerialScope&) = delete;

 private:
  int before_;
};

}  // namespace alloy
