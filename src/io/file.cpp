// SPDX-License-Identifier: Apache-2.0
#include <alloy/io/file.hpp>

#include "io/detail/syscalls.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace alloy {

namespace {

std::string_view kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

template <class Bytes>
Bytes read_whole(const std::filesystem::path& path, uint64_t max_bytes) {
  const InputFile file(path);
  check<DataError>(file.size() <= max_bytes, "[read_file] expected {} of at most {} bytes, got {}", {path, max_bytes, file.size()});
  Bytes bytes(static_cast<size_t>(file.size()), typename Bytes::value_type{});
  file.read(0, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

}  // namespace

InputFile::InputFile(std::filesystem::path path) : path_(std::move(path)) {
  // O_NONBLOCK: opening a FIFO would wait for its writer. It has no effect on regular files.
  descriptor_ = detail::retry([&] { return detail::syscalls().open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0); });
  if (descriptor_ < 0) fail<IoError>("[InputFile] cannot open '{}': {}", {path_, detail::errno_text()});
  struct stat info {};
  const bool known = ::fstat(descriptor_, &info) == 0;
  if (known && S_ISREG(info.st_mode)) {
    size_ = static_cast<uint64_t>(info.st_size);
    return;
  }
  const std::string reason = known ? std::string(kind_of(info.st_mode)) : detail::errno_text();
  ::close(descriptor_);
  fail<IoError>("[InputFile] expected {} to be a file, got {}", {path_, reason});
}

InputFile::~InputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

InputFile::InputFile(InputFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)), size_(std::exchange(other.size_, 0)) {}

InputFile& InputFile::operator=(InputFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  return *this;
}

void InputFile::read(uint64_t offset, std::span<std::byte> out) const {
  check<DataError>(offset <= size_ && out.size() <= size_ - offset, "[InputFile] expected {} to hold {} bytes at offset {}, got a file of {}",
                   {path_, out.size(), offset, size_});
  while (!out.empty()) {
    const ssize_t got = detail::retry([&] { return detail::syscalls().pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset)); });
    if (got < 0) fail<IoError>("[InputFile] cannot read {} at offset {}: {}", {path_, offset, detail::errno_text()});
    check<DataError>(got > 0, "[InputFile] expected {} to hold {} bytes, but it ended at {}: it was cut while being read", {path_, size_, offset});
    offset += static_cast<uint64_t>(got);
    out = out.subspan(static_cast<size_t>(got));
  }
}

std::string read_text_file(const std::filesystem::path& path, uint64_t max_bytes) { return read_whole<std::string>(path, max_bytes); }

std::vector<std::byte> read_binary_file(const std::filesystem::path& path, uint64_t max_bytes) {
  return read_whole<std::vector<std::byte>>(path, max_bytes);
}

}  // namespace alloy
