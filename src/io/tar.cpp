// SPDX-License-Identifier: Apache-2.0
#include <alloy/io/tar.hpp>

#include "io/detail/message.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace alloy {

namespace {

using detail::shown;

constexpr uint64_t kBlock = 512;
constexpr uint64_t kMaxPax = 1 << 20;
constexpr uint64_t kMaxSize = INT64_MAX;

using Block = std::array<char, kBlock>;

/// The parts of a header, by offset and length (POSIX.1-2017, "ustar Interchange Format").
struct Field {
  size_t at, length;
  std::string_view of(const Block& block) const { return {block.data() + at, length}; }
};
constexpr Field kName{0, 100}, kSize{124, 12}, kSum{148, 8}, kMagic{257, 8}, kPrefix{345, 155};
constexpr size_t kType = 156;
constexpr std::string_view kUstarMagic("ustar\0", 6);

std::string_view text_of(std::string_view field) { return field.substr(0, field.find('\0')); }

/// Octal digits between blanks; nothing at all is 0, as others have it.
std::optional<uint64_t> octal_of(std::string_view field) {
  const std::string_view text = text_of(field);
  const size_t begin = std::min(text.find_first_not_of(' '), text.size());
  const size_t end = std::min(text.find_first_of(' ', begin), text.size());
  if (text.find_first_not_of(' ', end) != std::string_view::npos) return std::nullopt;
  uint64_t value = 0;  // 12 digits of 3 bits fit
  for (const char c : text.substr(begin, end - begin)) {
    if (c < '0' || c > '7') return std::nullopt;
    value = value << 3 | static_cast<uint64_t>(c - '0');
  }
  return value;
}

/// A size, in octal or, behind a byte 0x80, as a big-endian number; nothing for a negative one, for more than fits and
/// for what is no number.
std::optional<uint64_t> size_of(std::string_view field) {
  if (static_cast<unsigned char>(field[0]) < 0x80) return octal_of(field);
  if (static_cast<unsigned char>(field[0]) != 0x80) return std::nullopt;
  uint64_t value = 0;
  for (const char c : field.substr(1)) {
    if (value > kMaxSize >> 8) return std::nullopt;
    value = value << 8 | static_cast<unsigned char>(c);
  }
  return value;
}

/// Old writers summed signed bytes.
bool sum_fits(const Block& block) {
  uint64_t plain = 0;
  int64_t with_sign = 0;
  for (size_t i = 0; i < kBlock; ++i) {
    const char c = i >= kSum.at && i < kSum.at + kSum.length ? ' ' : block[i];
    plain += static_cast<unsigned char>(c);
    with_sign += static_cast<signed char>(c);
  }
  const auto stated = octal_of(kSum.of(block));
  return stated && (*stated == plain || static_cast<int64_t>(*stated) == with_sign);
}

bool is_usable_name(std::string_view name) {
  const bool is_clean = std::ranges::none_of(name, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (!is_clean || name.empty() || name.starts_with('/') || name.ends_with('/')) return false;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    if (name.substr(begin, end - begin) == "..") return false;
    begin = end + 1;
  }
  return true;
}

bool has_no_content(char type) { return type >= '1' && type <= '6'; }

}  // namespace

struct TarReader::Header {
  uint64_t at = 0;
  char type = 0;
  std::string name = {};
  uint64_t size = 0;
};

std::optional<TarReader::Header> TarReader::read_header() {
  const bool is_whole = file_.size() - at_ >= kBlock;
  Block block{};
  if (is_whole) file_.read(at_, std::as_writable_bytes(std::span(block)));
  check<DataError>(is_whole, "[{}, byte {}] expected a header or the end mark of the archive, got the end of the file: it is cut", {file_.path(), at_});
  if (std::ranges::all_of(block, [](char c) { return c == 0; })) return std::nullopt;
  if (at_ == 0 && block[0] == '\x1f' && block[1] == '\x8b')
    fail<DataError>("[{}] expected a plain tar archive, got gzip: unpack it with gunzip, members are read by position", {file_.path()});
  check<DataError>(sum_fits(block), "[{}, byte {}] expected the header of a tar archive, got one whose check sum is wrong: the file is damaged or no tar",
                   {file_.path(), at_});
  check<DataError>(++num_headers_ <= limits_.max_members, "[{}, byte {}] expected at most {} members, got more", {file_.path(), at_, limits_.max_members});
  const auto size = size_of(kSize.of(block));
  check<DataError>(size.has_value(), "[{}, byte {}] expected a size of 0 .. 2^63 - 1, got '{}'", {file_.path(), at_, shown(kSize.of(block))});
  Header header{.at = at_, .type = block[kType], .name = std::string(text_of(kName.of(block))), .size = *size};
  // GNU's own format keeps other things where ustar has the first part of a long name.
  const std::string_view prefix = text_of(kPrefix.of(block));
  if (kMagic.of(block).starts_with(kUstarMagic) && !prefix.empty()) header.name = std::string(prefix) + "/" + header.name;
  at_ += kBlock;
  return header;
}

/// @return bytes with the padding; content and padding lie inside the file
uint64_t TarReader::check_content(uint64_t size) const {
  const uint64_t left = file_.size() - at_;
  const uint64_t padding = (kBlock - size % kBlock) % kBlock;
  check<DataError>(size <= left && padding <= left - size, "[{}, byte {}] expected {} bytes of content and their padding, got {}: the file is cut or damaged",
                   {file_.path(), at_, size, left});
  return size + padding;
}

void TarReader::read_long_name(uint64_t size) {
  check<DataError>(size <= limits_.max_name_bytes + 1, "[{}, byte {}] expected a name of at most {} bytes, got {}", {file_.path(), at_, limits_.max_name_bytes, size});
  std::string name(static_cast<size_t>(size), '\0');
  file_.read(at_, std::as_writable_bytes(std::span(name)));
  extension_.name = std::string(text_of(name));
}

/// Records `<length> <key>=<value>\n`, whose length counts all of it.
void TarReader::read_pax(uint64_t size, bool for_all) {
  check<DataError>(size <= kMaxPax, "[{}, byte {}] expected an extended header of at most {} bytes, got {}", {file_.path(), at_, kMaxPax, size});
  std::string content(static_cast<size_t>(size), '\0');
  file_.read(at_, std::as_writable_bytes(std::span(content)));
  // Some writers fill up with NUL.
  std::string_view text(content);
  while (text.ends_with('\0')) text.remove_suffix(1);
  while (!text.empty()) {
    const auto refuse_unless = [&](bool fits) {
      check<DataError>(fits, "[{}, byte {}] expected records of an extended header, got '{}'", {file_.path(), at_, shown(text)});
    };
    size_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    const auto begin = static_cast<size_t>(end - text.data()) + 1;  // behind the blank
    refuse_unless(error == std::errc() && length <= text.size() && begin < length && text[begin - 1] == ' ' && text[length - 1] == '\n');
    const std::string_view record = text.substr(begin, length - 1 - begin);
    const size_t equals = record.find('=');
    refuse_unless(equals != std::string_view::npos && equals > 0);
    const std::string_view key = record.substr(0, equals), value = record.substr(equals + 1);
    if (key == "path" || key == "size")
      check<DataError>(!for_all, "[{}, byte {}] expected '{}' for one member, got it for all that follow", {file_.path(), at_, key});
    if (key == "path") {
      check<DataError>(value.size() <= limits_.max_name_bytes, "[{}, byte {}] expected a name of at most {} bytes, got {}",
                       {file_.path(), at_, limits_.max_name_bytes, value.size()});
      extension_.name = std::string(value);
    } else if (key == "size") {
      uint64_t number = 0;
      const auto [stop, fault] = std::from_chars(value.data(), value.data() + value.size(), number);
      check<DataError>(fault == std::errc() && stop == value.data() + value.size() && number <= kMaxSize,
                       "[{}, byte {}] expected a size of 0 .. 2^63 - 1, got '{}'", {file_.path(), at_, shown(value)});
      extension_.size = number;
    } else if (key.starts_with("GNU.sparse.")) {
      extension_.is_sparse = true;
    }
    text.remove_prefix(length);
  }
}

/// Why a member is not used; empty for one that is.
std::string_view TarReader::fault_of(const Header& header, const TarMember& member) const {
  if (header.type == '1' || header.type == '2') return "link";
  if (has_no_content(header.type)) return "device or pipe";
  if (header.type != '0' && header.type != '7' && header.type != '\0') return "unknown kind";
  if (extension_.is_sparse) return "sparse";
  if (!is_usable_name(member.name)) return "unusable name";
  return member.size > limits_.max_member_bytes ? "too large" : "";
}

/// Ends at the next header. @return nothing for a member that is not used
std::optional<TarMember> TarReader::member_of(const Header& header) {
  check<DataError>(header.type != 'S', "[{}, byte {}] expected whole files, got a sparse one: write the archive without --sparse", {file_.path(), header.at});
  TarMember member{.name = extension_.name.value_or(header.name), .offset = at_, .size = extension_.size.value_or(header.size)};
  const bool is_folder = header.type == '5' || (header.type == '\0' && member.name.ends_with('/'));
  if (is_folder || has_no_content(header.type)) member.size = 0;  // whatever the header says, as other readers have it
  at_ += check_content(member.size);
  while (member.name.starts_with("./")) member.name.erase(0, 2);
  const std::string_view fault = is_folder ? "" : fault_of(header, member);
  extension_ = {};
  if (is_folder) return std::nullopt;
  if (fault.empty()) return member;
  ++skipped_[std::string(fault)];
  return std::nullopt;
}

std::optional<TarMember> TarReader::next() {
  while (!done_) {
    const auto header = read_header();
    if (!header) {
      check<DataError>(!extension_.any, "[{}, byte {}] expected a member behind its extended header, got the end of the archive", {file_.path(), at_});
      done_ = true;
      break;
    }
    const char type = header->type;
    const bool extends = type == 'L' || type == 'K' || type == 'x' || type == 'X' || type == 'g';
    if (!extends) {
      if (auto member = member_of(*header)) return member;
      continue;
    }
    const uint64_t padded = check_content(header->size);
    if (type == 'L') read_long_name(header->size);
    if (type == 'x' || type == 'X' || type == 'g') read_pax(header->size, /*for_all=*/type == 'g');
    extension_.any = extension_.any || type != 'g';
    at_ += padded;
  }
  return std::nullopt;
}

TarIndex read_tar_index(const std::filesystem::path& path, const TarLimits& limits) {
  const InputFile file(path);
  TarReader reader(file, limits);
  TarIndex index;
  while (auto member = reader.next()) index.members.push_back(std::move(*member));
  index.skipped = reader.skipped();
  return index;
}

}  // namespace alloy
