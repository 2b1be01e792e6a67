// SPDX-License-Identifier: Apache-2.0
#include "io/detail/read_bytes.hpp"

#include <alloy/core/check.hpp>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace alloy::detail {

namespace {

std::string reason(int error) { return std::generic_category().message(error); }

class OpenFile {
 public:
  // O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
  explicit OpenFile(const std::filesystem::path& path)
      : path_(path), descriptor_(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)) {
    check<IoError>(descriptor_ >= 0, "[{}] expected a readable file, got: {}", {path_, reason(errno)});
    struct stat status {};
    const bool known = ::fstat(descriptor_, &status) == 0;
    const int error = errno;
    if (!known || !S_ISREG(status.st_mode)) {
      ::close(descriptor_);
      check<IoError>(known, "[{}] expected a readable file, got: {}", {path_, reason(error)});
      fail<IoError>("[{}] expected a regular file, got {}", {path_, S_ISDIR(status.st_mode) ? "a folder" : "a pipe, socket or device"});
    }
    size_ = status.st_size;
  }
  ~OpenFile() { ::close(descriptor_); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  int64_t size() const { return size_; }
  std::vector<std::byte> read(int64_t count) const {
    std::vector<std::byte> bytes(static_cast<size_t>(count));
    size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t got = ::pread(descriptor_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
      if (got < 0 && errno == EINTR) continue;
      check<IoError>(got >= 0, "[{}] expected a readable file, got: {}", {path_, reason(errno)});
      check<IoError>(got > 0, "[{}] expected {} bytes, got {}: the file was cut while it was read", {path_, count, done});
      done += static_cast<size_t>(got);
    }
    return bytes;
  }

 private:
  const std::filesystem::path& path_;
  int descriptor_;
  int64_t size_ = 0;
};

}  // namespace

std::vector<std::byte> read_bytes(const std::filesystem::path& path, int64_t max_bytes) {
  const OpenFile file(path);
  check<DataError>(file.size() <= max_bytes, "[{}] expected at most {} bytes, got a file of {}", {path, max_bytes, file.size()});
  return file.read(file.size());
}

std::vector<std::byte> read_first_bytes(const std::filesystem::path& path, int64_t count) {
  const OpenFile file(path);
  return file.read(std::min(file.size(), count));
}

}  // namespace alloy::detail
