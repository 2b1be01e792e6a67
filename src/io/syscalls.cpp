// SPDX-License-Identifier: Apache-2.0
#include "io/detail/syscalls.hpp"

#include <cstdio>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace alloy::detail {

Syscalls& syscalls() {
  static Syscalls table{
      .open = [](const char* path, int flags, mode_t mode) { return ::open(path, flags, mode); },
      .pread = ::pread,
      .write = ::write,
      .truncate = ::ftruncate,
      .fsync = ::fsync,
      .flock = ::flock,
      .make_folder = ::mkdir,
      .rename = ::rename,
      .exchange = [](const char* a, const char* b) { return ::renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE); },
  };
  return table;
}

std::string errno_text() { return std::generic_category().message(errno); }

}  // namespace alloy::detail
