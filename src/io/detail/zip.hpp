// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Members of a zip archive, read one after another.

#include <alloy/io/file.hpp>

#include <memory>

namespace alloy::detail {

class ZipReader {
 public:
  struct Member {
    std::string name;
    uint64_t size = 0;  ///< as the archive says; reading holds it to that
  };

  /// @throws DataError if it is no zip archive, has a member that is encrypted or neither stored nor deflated, a name
  ///         twice, or members that together claim more bytes than their compressed form can hold
  explicit ZipReader(const std::filesystem::path& path);
  ~ZipReader();
  ZipReader(const ZipReader&) = delete;
  ZipReader& operator=(const ZipReader&) = delete;

  const std::vector<Member>& members() const { return members_; }
  /// Starts to read a member; one at a time.
  void open(size_t index);
  void read(std::span<std::byte> out);
  /// @throws DataError if more follows, or if the check sum is wrong
  void expect_end();

 private:
  struct Archive;
  InputFile file_;
  std::unique_ptr<Archive> archive_;
  std::vector<Member> members_;
};

}  // namespace alloy::detail
