// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/faults.hpp"

#include <alloy/io/file.hpp>

#include <fstream>
#include <sys/stat.h>

using namespace alloy;

namespace {

std::string text_of(const InputFile& file, uint64_t offset, size_t count) {
  std::string text(count, '?');
  file.read(offset, std::as_writable_bytes(std::span(text)));
  return text;
}

}  // namespace

TEST_CASE("InputFile", "[io]") {
  const TempDir dir;
  std::ofstream(dir / "a.txt") << "0123456789";

  SECTION("reads by position") {
    const InputFile file(dir / "a.txt");
    CHECK(file.size() == 10);
    CHECK(text_of(file, 3, 4) == "3456");
    CHECK(text_of(file, 0, 10) == "0123456789");
    CHECK(text_of(file, 10, 0).empty());
  }
  SECTION("refuses to read past the end, also where offset and count wrap") {
    const InputFile file(dir / "a.txt");
    CHECK_THROWS_AS(text_of(file, 3, 8), DataError);
    CHECK_THROWS_AS(text_of(file, 11, 0), DataError);
    CHECK_THROWS_AS(text_of(file, UINT64_MAX, 2), DataError);
  }
  SECTION("says so when the file is cut in the meantime") {
    const InputFile file(dir / "a.txt");
    std::filesystem::resize_file(dir / "a.txt", 4);
    CHECK_THROWS_WITH(text_of(file, 0, 10), ContainsSubstring("ended at 4"));
  }
  SECTION("moves") {
    InputFile file(dir / "a.txt");
    InputFile other = std::move(file);
    CHECK(text_of(other, 1, 2) == "12");
  }
  SECTION("goes on after a signal and a short read, at every call") {
    for (const int error : {EINTR, Faults::kShort}) {
      for (int nth = 0;; ++nth) {
        const Faults faults(nth, error);
        CHECK(read_text_file(dir / "a.txt", 100) == "0123456789");
        if (!faults.struck()) break;
      }
    }
  }
  SECTION("a failing disk is an IoError with path and reason") {
    for (int nth = 0; nth < 2; ++nth) {
      const Faults faults(nth, EIO);
      CHECK_THROWS_WITH(read_text_file(dir / "a.txt", 100), ContainsSubstring("a.txt") && ContainsSubstring("Input/output error"));
    }
  }
}

TEST_CASE("only regular files are opened", "[io]") {
  const TempDir dir;
  REQUIRE(mkfifo((dir / "fifo").c_str(), 0600) == 0);
  std::filesystem::create_directory_symlink(dir.path(), dir / "link");
  struct Case {
    std::filesystem::path path;
    std::string reason;
  };
  const std::vector<Case> cases = {
      {dir / "none", "No such file"}, {dir.path(), "a folder"},        {dir / "link", "a folder"},
      {dir / "fifo", "a FIFO"},       {"/dev/zero", "a device"},       {"", "No such file"},
      {dir / "none" / "x", "No such file"}, {std::string(5000, 'x'), "name too long"},
  };
  for (const auto& [path, reason] : cases) {
    INFO(path);
    CHECK_THROWS_AS(InputFile(path), IoError);
    CHECK_THROWS_WITH(InputFile(path), ContainsSubstring(path.string()) && ContainsSubstring(reason));
    CHECK_THROWS_AS(read_text_file(path, 10), IoError);
  }
}

TEST_CASE("whole files are read up to a cap", "[io]") {
  const TempDir dir;
  std::ofstream(dir / "a") << "abc";
  std::ofstream(dir / "empty") << "";
  CHECK(read_text_file(dir / "a", 3) == "abc");
  CHECK((read_binary_file(dir / "a", 3) == std::vector{std::byte{'a'}, std::byte{'b'}, std::byte{'c'}}));
  CHECK(read_text_file(dir / "empty", 0).empty());
  CHECK_THROWS_AS(read_text_file(dir / "a", 2), DataError);
  CHECK_THROWS_AS(read_binary_file(dir / "a", 2), DataError);

  SECTION("a sparse file of two terabytes is refused by its size") {
    std::ofstream(dir / "sparse") << "x";
    std::filesystem::resize_file(dir / "sparse", uint64_t{2} << 40);
    CHECK_THROWS_WITH(read_binary_file(dir / "sparse", 1 << 20), ContainsSubstring("2199023255552"));
  }
}
