// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Reading files from outside: only regular files are opened, nothing blocks, and nothing is allocated before the size
/// is known to be within the caller's limit.

#include <alloy/core/check.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace alloy {

/// An open regular file, read by position. Owns its descriptor; movable, not copyable. Several threads may read at once.
class ALLOY_API InputFile {
 public:
  /// @throws IoError with path and reason: missing, no permission, a folder, a FIFO, a device
  explicit InputFile(std::filesystem::path path);
  ~InputFile();
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&& other) noexcept;

  /// Bytes, as they were when the file was opened.
  uint64_t size() const { return size_; }
  const std::filesystem::path& path() const { return path_; }
  /// Fills `out` from the bytes that start at `offset`.
  /// @throws DataError if the file ends before, also when another process has cut it since; IoError if reading fails
  void read(uint64_t offset, std::span<std::byte> out) const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

/// @throws IoError as InputFile; DataError for a file of more than `max_bytes`
ALLOY_API std::string read_text_file(const std::filesystem::path& path, uint64_t max_bytes);
ALLOY_API std::vector<std::byte> read_binary_file(const std::filesystem::path& path, uint64_t max_bytes);

}  // namespace alloy
