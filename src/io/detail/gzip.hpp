// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A file read from front to back, through gzip where it starts with gzip's mark.

#include <alloy/io/file.hpp>

#include <memory>

namespace alloy::detail {

class ByteStream {
 public:
  explicit ByteStream(const std::filesystem::path& path);
  ~ByteStream();
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;

  /// @throws DataError if fewer bytes are left, or if the compressed data is damaged
  void read(std::span<std::byte> out);
  /// @throws DataError if anything is left; verifies the check sum of gzip
  void expect_end();
  /// The most bytes that the whole file can hold: deflate cannot shrink data below 1/1032.
  uint64_t max_content() const;

 private:
  size_t read_some(std::span<std::byte> out);
  struct Inflater;
  InputFile file_;
  uint64_t position_ = 0;
  std::unique_ptr<Inflater> inflater_;
};

}  // namespace alloy::detail
