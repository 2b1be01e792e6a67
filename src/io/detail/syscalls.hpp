// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The system calls that reading and writing go through, so that tests can make the n-th of them fail.

#include <alloy/core/export.hpp>

#include <cerrno>
#include <string>
#include <sys/types.h>

namespace alloy::detail {

struct Syscalls {
  int (*open)(const char* path, int flags, mode_t mode);
  ssize_t (*pread)(int descriptor, void* out, size_t count, off_t offset);
  ssize_t (*write)(int descriptor, const void* data, size_t count);
  int (*truncate)(int descriptor, off_t size);
  int (*fsync)(int descriptor);
  int (*flock)(int descriptor, int operation);
  int (*make_folder)(const char* path, mode_t mode);
  int (*rename)(const char* from, const char* to);
  int (*exchange)(const char* a, const char* b);  ///< renameat2 with RENAME_EXCHANGE
};

/// The table in force. Replaced by tests only, while nothing else reads or writes.
ALLOY_API Syscalls& syscalls();

/// Repeats a call that a signal interrupted.
template <class Call>
auto retry(const Call& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

/// What the error number in force means, for messages.
std::string errno_text();

}  // namespace alloy::detail
