// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Where the files of a plain tar archive lie inside it, found by its headers alone: their contents are neither read nor
/// ever written anywhere. Formats: ustar, GNU and pax (POSIX.1-2017, "pax", with GNU's long names and base-256 sizes).

#include <alloy/io/file.hpp>

#include <map>
#include <optional>

namespace alloy {

/// A regular file in an archive; `InputFile::read` at its offset gives its content.
struct TarMember {
  std::string name;     ///< relative, without `..`, without control characters; in the archive's own encoding
  uint64_t offset = 0;  ///< of the first byte of the content, from the start of the archive
  uint64_t size = 0;    ///< bytes; all of them lie inside the archive
};

struct TarLimits {
  uint64_t max_member_bytes = uint64_t{2} << 30;  ///< larger ones are skipped
  uint64_t max_name_bytes = 4096;
  uint64_t max_members = 10'000'000;  ///< headers of any kind
};

/// Goes through an archive from front to back. Keeps a reference to the file; for one thread at a time.
///
/// Folders are passed over. Passed over and counted are members that cannot be used: "link" (hard or symbolic), "device
/// or pipe", "unusable name" (empty, absolute, with `..` or control characters), "too large", "sparse", "unknown kind".
/// As in other readers, what stands behind the first empty block is not looked at.
class ALLOY_API TarReader {
 public:
  explicit TarReader(const InputFile& file, const TarLimits& limits = {}) : file_(file), limits_(limits) {}
  explicit TarReader(InputFile&& file, const TarLimits& limits = {}) = delete;
  /// @return the next regular file, nothing at the end of the archive
  /// @throws DataError naming file and byte: a header that is no header or whose check sum is wrong, a size that is no
  ///         number, negative or beyond the end of the file, an archive that ends without its end mark (it is cut), a
  ///         GNU sparse file, more or longer than the limits allow; IoError if reading fails
  std::optional<TarMember> next();
  const std::map<std::string, int64_t>& skipped() const { return skipped_; }

 private:
  /// What extended headers say about the header that follows them.
  struct Extension {
    std::optional<std::string> name;
    std::optional<uint64_t> size;
    bool is_sparse = false;
    bool any = false;
  };
  struct Header;
  std::optional<Header> read_header();
  uint64_t check_content(uint64_t size) const;
  void read_long_name(uint64_t size);
  void read_pax(uint64_t size, bool for_all);
  std::optional<TarMember> member_of(const Header& header);
  std::string_view fault_of(const Header& header, const TarMember& member) const;

  const InputFile& file_;
  TarLimits limits_;
  uint64_t at_ = 0, num_headers_ = 0;
  bool done_ = false;
  Extension extension_;
  std::map<std::string, int64_t> skipped_;
};

struct TarIndex {
  std::vector<TarMember> members;          ///< in the order of the archive
  std::map<std::string, int64_t> skipped;  ///< by cause, as of TarReader
};

/// The whole archive. @throws as TarReader::next; IoError if the file cannot be opened
ALLOY_API TarIndex read_tar_index(const std::filesystem::path& path, const TarLimits& limits = {});

}  // namespace alloy
