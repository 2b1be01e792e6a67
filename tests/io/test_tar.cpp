// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/faults.hpp"
#include "support/memory.hpp"
#include "support/mutations.hpp"
#include "support/tar.hpp"

#include <alloy/core/random.hpp>
#include <alloy/io/tar.hpp>

#include <zlib.h>

using namespace alloy;
namespace fs = std::filesystem;

namespace {

TarIndex index_of(const fs::path& path, const std::string& bytes, const TarLimits& limits = {}) {
  write_raw(path, bytes);
  return read_tar_index(path, limits);
}

std::vector<std::string> names_of(const TarIndex& index) {
  std::vector<std::string> names;
  for (const TarMember& member : index.members) names.push_back(member.name);
  return names;
}

std::string content_of(const fs::path& path, const TarMember& member) {
  std::string content(member.size, '\0');
  InputFile(path).read(member.offset, std::as_writable_bytes(std::span(content)));
  return content;
}

using Counts = std::map<std::string, int64_t>;

}  // namespace

TEST_CASE("tar archives of another writer", "[io]") {
  std::ifstream expected(fixture("tar/expected.txt"));
  std::map<std::string, TarIndex> archives;
  std::map<std::string, size_t> read;
  TarMember member;
  uint32_t crc = 0;
  for (std::string archive; expected >> archive >> member.offset >> member.size >> crc && std::getline(expected >> std::ws, member.name);) {
    INFO(archive << " " << member.name);
    const fs::path path = fixture("tar/" + archive);
    if (!archives.contains(archive)) archives[archive] = read_tar_index(path);
    REQUIRE(read[archive] < archives[archive].members.size());
    const TarMember& found = archives[archive].members[read[archive]++];
    CHECK(found.name == member.name);
    CHECK(found.offset == member.offset);
    CHECK(found.size == member.size);
    const std::string content = content_of(path, found);
    CHECK(::crc32(0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size())) == crc);
  }
  CHECK(archives.size() == 3);
  for (const auto& [archive, index] : archives) {
    INFO(archive);
    CHECK(index.members.size() == (archive == "ustar.tar" ? 5 : 6));
    CHECK(read[archive] == index.members.size());
    CHECK(index.skipped == Counts{{"link", 2}, {"device or pipe", 1}});
  }
}

TEST_CASE("tar members that are not used are counted", "[io]") {
  const TempDir dir;
  const fs::path path = dir / "x.tar";
  const std::string good = tar_file("a/good.txt", "good"), last = tar_file("last.txt", "last");
  struct Case {
    std::string what, bytes, cause;
  };
  const std::vector<Case> cases = {
      {"a parent folder", tar_file("../up.txt", "x"), "unusable name"},
      {"a parent folder inside", tar_file("a/../../up.txt", "x"), "unusable name"},
      {"a parent folder at the end", tar_file("a/..", "x"), "unusable name"},
      {"an absolute path", tar_file("/etc/passwd", "x"), "unusable name"},
      {"a parent folder in a long name", tar_file("././@LongLink", "../up.txt", 'L') + tar_file("harmless", "x"), "unusable name"},
      {"an absolute path in an extended header", pax_header(pax_record("path", "/etc/passwd")) + tar_file("harmless", "x"), "unusable name"},
      {"a NUL in an extended header", pax_header(pax_record("path", std::string("a\0b", 3))) + tar_file("harmless", "x"), "unusable name"},
      {"an escape sequence", tar_file("\x1b[2J.txt", "x"), "unusable name"},
      {"no name", tar_file("", "x"), "unusable name"},
      {"a file named as a folder", tar_file("a/", "x"), "unusable name"},
      {"a symbolic link", tar_file("link.txt", "", '2'), "link"},
      {"a hard link", tar_file("link.txt", "", '1'), "link"},
      {"a hard link that claims a size", tar_header("link.txt", 1000, '1'), "link"},
      {"a character device", tar_file("null", "", '3'), "device or pipe"},
      {"a block device of 8 GiB", tar_header("disk", (uint64_t{1} << 33) - 1, '4'), "device or pipe"},
      {"a pipe", tar_file("pipe", "", '6'), "device or pipe"},
      {"a volume label", tar_file("label", "", 'V'), "unknown kind"},
      {"a kind that nobody knows, with content", tar_file("z", "content", 'z'), "unknown kind"},
      {"sparse in pax", pax_header(pax_record("GNU.sparse.major", "1")) + tar_file("GNUSparseFile.0/x", "1\n0\n"), "sparse"},
      {"more than the limit", tar_file("large", std::string(2000, 'x')), "too large"},
  };
  for (const Case& c : cases) {
    INFO(c.what);
    const TarIndex index = index_of(path, good + c.bytes + last + tar_end(), {.max_member_bytes = 1999});
    CHECK(names_of(index) == std::vector<std::string>{"a/good.txt", "last.txt"});
    CHECK(index.skipped == Counts{{c.cause, 1}});
    CHECK(content_of(path, index.members.at(1)) == "last");
  }
  CHECK(std::ranges::distance(fs::directory_iterator(dir.path())) == 1);  // nothing was written beside the archive
}

TEST_CASE("tar members at the edge that are used", "[io]") {
  const TempDir dir;
  const fs::path path = dir / "x.tar";
  const auto only = [&](const std::string& bytes, const TarLimits& limits = {}) {
    const TarIndex index = index_of(path, bytes + tar_end(), limits);
    CHECK(index.skipped.empty());
    REQUIRE(index.members.size() == 1);
    return index.members[0];
  };
  CHECK(only(tar_file("./././a.txt", "x")).name == "a.txt");
  CHECK(only(tar_file("a..b/..c.txt", "x")).name == "a..b/..c.txt");
  CHECK(only(tar_file("old.txt", "x", '\0')).name == "old.txt");
  CHECK(only(tar_file("contiguous.txt", "x", '7')).name == "contiguous.txt");
  CHECK(only(tar_file("folder/", "", '\0') + tar_file("a.txt", "")).size == 0);
  CHECK(only(tar_header("folder", 4096, '5') + tar_file("a.txt", "x")).name == "a.txt");
  CHECK(only(tar_file("block", std::string(512, 'b'))).size == 512);
  CHECK(only(tar_file("most", std::string(2000, 'x')), {.max_member_bytes = 2000}).size == 2000);
  const std::string name(100, 'n');  // fills its field, without a NUL
  CHECK(only(tar_file(name, "x")).name == name);
  std::string split = tar_header("b.txt", 0);
  split.replace(345, 155, std::string(155, 'p'));
  CHECK(only(with_tar_sum(split)).name == std::string(155, 'p') + "/b.txt");
  split.replace(257, 8, "ustar  \0", 8);  // GNU's own: other things stand there
  CHECK(only(with_tar_sum(split)).name == "b.txt");
  const std::string longest(4096, 'l');
  CHECK(only(tar_file("././@LongLink", longest + '\0', 'L') + tar_file("l", "x")).name == longest);
  CHECK(only(pax_header(pax_record("path", longest)) + tar_file("l", "x")).name == longest);

  // Sizes in every notation.
  CHECK(only(raw_tar_header("a", "3          ") + tar_padded("abc")).size == 3);
  CHECK(only(raw_tar_header("a", "          3\0") + tar_padded("abc")).size == 3);
  CHECK(only(raw_tar_header("a", "000000000003") + tar_padded("abc")).size == 3);
  CHECK(only(raw_tar_header("a", "")).size == 0);
  CHECK(only(raw_tar_header("a", "\x80" + std::string(10, '\0') + "\x03") + tar_padded("abc")).size == 3);
  CHECK(only(pax_header(pax_record("size", "3")) + tar_header("a", 0) + tar_padded("abc")).size == 3);
  // An extended header is for one member.
  const TarIndex both = index_of(path, pax_header(pax_record("path", "first")) + tar_file("a", "x") + tar_file("b", "y") + tar_end());
  CHECK(names_of(both) == std::vector<std::string>{"first", "b"});

  CHECK(index_of(path, tar_end()).members.empty());
  CHECK(index_of(path, std::string(512, '\0')).members.empty());
  CHECK(names_of(index_of(path, tar_file("a", "x") + tar_end() + "anything")) == std::vector<std::string>{"a"});
  std::string old_sum = tar_header("\xe9.txt", 0);  // signed bytes
  char text[8] = {};
  int sum = 0;
  old_sum.replace(148, 8, 8, ' ');
  for (const char c : old_sum) sum += static_cast<signed char>(c);
  std::snprintf(text, sizeof text, "%06o", static_cast<unsigned>(sum));
  CHECK(only(old_sum.replace(148, 8, text, 8)).name == "\xe9.txt");
}

TEST_CASE("tar archives that must be rejected", "[io]") {
  const TempDir dir;
  const fs::path path = dir / "x.tar";
  const std::string good = tar_file("good.txt", "good");  // two blocks
  const std::string minus_one(12, '\xff'), huge = "\x80" + std::string(3, '\0') + std::string(8, '\xff');
  const std::string two_63 = "\x80" + std::string(3, '\0') + "\x80" + std::string(7, '\0');
  struct Case {
    std::string what, bytes, message;
  };
  const std::vector<Case> cases = {
      {"empty file", "", "byte 0] expected a header"},
      {"one byte", "x", "byte 0] expected a header"},
      {"text", std::string(2048, 'x'), "byte 0] expected the header of a tar archive"},
      {"gzip", "\x1f\x8b" + std::string(1022, 'x'), "gunzip"},
      {"no end mark", good, "byte 1024] expected a header or the end mark"},
      {"half an end mark", good + std::string(511, '\0'), "byte 1024] expected a header or the end mark"},
      {"a wrong check sum", good + std::string(1, 'X') + tar_file("b", "").substr(1) + tar_end(), "byte 1024] expected the header"},
      {"content and no header", good + tar_padded("content") + tar_end(), "byte 1024] expected the header"},
      {"a size beyond the end", good + tar_header("b", 1025) + tar_end(), "byte 1536] expected 1025 bytes of content"},
      {"padding beyond the end", good + tar_header("b", 513) + std::string(1023, 'x'), "byte 1536] expected 513 bytes"},
      {"size 2^63 - 1", good + raw_tar_header("b", huge.substr(0, 4) + "\x7f" + huge.substr(5)) + tar_end(), "expected 9223372036854775807 bytes"},
      {"size 2^63", good + raw_tar_header("b", two_63) + tar_end(), "byte 1024] expected a size of 0 .. 2^63 - 1"},
      {"size 2^64 - 1", good + raw_tar_header("b", huge) + tar_end(), "byte 1024] expected a size"},
      {"size of 95 bits", good + raw_tar_header("b", "\x80" + std::string(11, '\xff')) + tar_end(), "byte 1024] expected a size"},
      {"size -1", good + raw_tar_header("b", minus_one) + tar_end(), "byte 1024] expected a size"},
      {"size with a flag of nobody", good + raw_tar_header("b", "\xc0" + std::string(11, '\0')) + tar_end(), "byte 1024] expected a size"},
      {"size 8", good + raw_tar_header("b", "8") + tar_end(), "byte 1024] expected a size of 0 .. 2^63 - 1, got '8"},
      {"size -1 in text", good + raw_tar_header("b", "-1") + tar_end(), "'-1"},
      {"size in two words", good + raw_tar_header("b", "1 1") + tar_end(), "'1 1"},
      {"GNU sparse", good + tar_file("b", "x", 'S') + tar_end(), "--sparse"},
      {"size -1 in pax", pax_header(pax_record("size", "-1")) + good + tar_end(), "got '-1'"},
      {"size 2^63 in pax", pax_header(pax_record("size", "9223372036854775808")) + good + tar_end(), "got '9223372036854775808'"},
      {"size 2^64 in pax", pax_header(pax_record("size", "18446744073709551616")) + good + tar_end(), "got '18446744073709551616'"},
      {"size 1.5 in pax", pax_header(pax_record("size", "1.5")) + good + tar_end(), "got '1.5'"},
      {"size in pax beyond the end", pax_header(pax_record("size", "999999")) + good + tar_end(), "expected 999999 bytes"},
      {"a size for all", pax_header(pax_record("size", "4"), 'g') + good + tar_end(), "expected 'size' for one member"},
      {"a name for all", pax_header(pax_record("path", "x"), 'g') + good + tar_end(), "expected 'path' for one member"},
      {"pax without a length", pax_header("path=x\n") + good + tar_end(), "records of an extended header"},
      {"pax of length 0", pax_header("0 path=x\n") + good + tar_end(), "records"},
      {"pax of length 2", pax_header("2 path=x\n") + good + tar_end(), "records"},
      {"pax one too long", pax_header("11 path=x\n") + good + tar_end(), "records"},
      {"pax one too short", pax_header("9 path=xx\n") + good + tar_end(), "records"},
      {"pax of length 2^64", pax_header("18446744073709551616 path=x\n") + good + tar_end(), "records"},
      {"pax of a negative length", pax_header("-9 path=x\n") + good + tar_end(), "records"},
      {"pax without =", pax_header("7 path\n") + good + tar_end(), "records"},
      {"pax without a key", pax_header("6 =ab\n") + good + tar_end(), "records"},
      {"pax of 1 MiB and a byte", pax_header(std::string((1 << 20) + 1, 'x')) + good + tar_end(), "at most 1048576 bytes"},
      {"a name of 4097 bytes in pax", pax_header(pax_record("path", std::string(4097, 'n'))) + good + tar_end(), "at most 4096 bytes, got 4097"},
      {"a long name of 4098 bytes", tar_file("././@LongLink", std::string(4098, 'n'), 'L') + good + tar_end(), "at most 4096 bytes"},
      {"a long name of 8 GiB", tar_header("././@LongLink", (uint64_t{1} << 33) - 1, 'L') + good + tar_end(), "is cut or damaged"},
      {"a long name of nothing", tar_file("././@LongLink", "name", 'L') + tar_end(), "behind its extended header"},
      {"pax of nothing", pax_header(pax_record("path", "x")) + tar_end(), "behind its extended header"},
      {"too many members", good + good + good + good + tar_end(), "byte 3072] expected at most 3 members"},
  };
  for (const Case& c : cases) {
    INFO(c.what);
    write_raw(path, c.bytes);
    const TarLimits limits{.max_members = c.what == "too many members" ? uint64_t{3} : uint64_t{100}};
    CHECK_THROWS_AS(read_tar_index(path, limits), DataError);
    CHECK_THROWS_WITH(read_tar_index(path, limits), ContainsSubstring(path.string()) && ContainsSubstring(c.message));
  }
  CHECK_THROWS_AS(read_tar_index(dir.path()), IoError);
  CHECK_THROWS_AS(read_tar_index(dir / "none"), IoError);

  SECTION("a sparse file of two terabytes") {
    write_raw(path, raw_tar_header("b", "\x80" + std::string(5, '\0') + "\x02" + std::string(5, '\0')));
    fs::resize_file(path, uint64_t{2} << 40);
    const PeakMemory peak;
    CHECK_THROWS_WITH(read_tar_index(path), ContainsSubstring("is cut or damaged"));
    fs::resize_file(path, (uint64_t{2} << 40) + 2048);
    CHECK(read_tar_index(path).skipped == Counts{{"too large", 1}});
    CHECK(peak.bytes().value_or(0) <= 4 << 20);
  }
}

TEST_CASE("a tar archive cut at every length, with every bit flipped and at random", "[io]") {
  const TempDir dir;
  const fs::path path = dir / "x.tar";
  const std::string bytes = pax_header(pax_record("path", "first.txt") + pax_record("size", "5")) + tar_file("a", "first") +
                            tar_file("././@LongLink", "second.txt", 'L') + tar_file("b", "second") + tar_end();
  const auto load = [&](const fs::path& file) {
    const TarIndex index = read_tar_index(file);
    for (const TarMember& member : index.members) {
      const std::string content = content_of(file, member);
      if (content.size() != member.size || member.name.empty()) throw std::logic_error("a member that is not there");
    }
  };
  const MutationCounts cut = cut_everywhere(path, bytes, load);
  CHECK(cut.loaded == 512);  // into the second of the two empty blocks at the end
  const MutationCounts flipped = flip_every_bit(path, bytes, load);
  CHECK(flipped.rejected > 4 * 512 * 8 - 100);  // four headers have check sums, in which a few bits do not matter
  Random random(7);
  for (int round = 0; round < 1000; ++round) {  // headers whose check sums are right
    std::string damaged = bytes;
    for (int64_t i = random.below(4) + 1; i > 0; --i) damaged[static_cast<size_t>(random.below(static_cast<int64_t>(bytes.size())))] = static_cast<char>(random.below(256));
    for (size_t at = 0; at + 512 <= damaged.size(); at += 512)
      if (damaged.compare(at + 257, 5, "ustar") == 0) damaged.replace(at, 512, with_tar_sum(damaged.substr(at, 512)));
    write_raw(path, damaged);
    try {
      load(path);
    } catch (const DataError& error) {
      CHECK_THAT(error.what(), ContainsSubstring(path.string()));
    }
  }
}

TEST_CASE("a tar archive on a disk that fails", "[io]") {
  const TempDir dir;
  const fs::path path = dir / "x.tar";
  write_raw(path, pax_header(pax_record("path", "first.txt")) + tar_file("a", "first") + tar_file("b", "second") + tar_end());
  const int calls = [&] {
    Faults count;
    read_tar_index(path);
    return static_cast<int>(count.calls().size());
  }();
  CHECK(calls == 6);  // open, and of five blocks no content of a file
  for (int nth = 0; nth < calls; ++nth) {
    {
      Faults fault(nth, EIO);
      CHECK_THROWS_AS(read_tar_index(path), IoError);
    }
    Faults fault(nth, Faults::kShort);
    CHECK(names_of(read_tar_index(path)) == std::vector<std::string>{"first.txt", "b"});
  }
}
