// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/faults.hpp"
#include "support/html.hpp"

#include <alloy/core/error.hpp>
#include <alloy/eval/tensorboard.hpp>
#include <alloy/io/file.hpp>

#include <bit>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <optional>
#include <sys/resource.h>
#include <unistd.h>

using namespace alloy;
namespace fs = std::filesystem;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity(), kNan = std::numeric_limits<double>::quiet_NaN();

/// CRC-32C a bit at a time, from its definition in RFC 3720: nothing shared with the library's table.
uint32_t crc_of(const std::string& bytes) {
  uint32_t crc = 0xFFFFFFFF;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
  }
  return crc ^ 0xFFFFFFFF;
}

uint64_t little_endian(const std::string& bytes, size_t at, size_t count) {
  uint64_t value = 0;
  for (size_t i = 0; i < count; ++i) value |= uint64_t{static_cast<unsigned char>(bytes.at(at + i))} << (8 * i);
  return value;
}

uint32_t unmasked(uint64_t masked) {
  const auto rotated = static_cast<uint32_t>(masked) - 0xA282EAD8u;
  return rotated >> 17 | rotated << 15;
}

/// The contents of all frames; fails the test where lengths or checksums are wrong.
std::vector<std::string> records(const std::string& file) {
  std::vector<std::string> out;
  for (size_t at = 0; at < file.size();) {
    REQUIRE(file.size() - at >= 16);
    const uint64_t length = little_endian(file, at, 8);
    REQUIRE(length <= file.size() - at - 16);
    CHECK(unmasked(little_endian(file, at + 8, 4)) == crc_of(file.substr(at, 8)));
    out.push_back(file.substr(at + 12, length));
    CHECK(unmasked(little_endian(file, at + 12 + length, 4)) == crc_of(out.back()));
    at += 16 + length;
  }
  return out;
}

struct Field {
  uint64_t number = 0, integer = 0;  ///< the value where it is a varint or of fixed size
  std::string bytes;
};

/// Protobuf's wire format: tag, then a varint, 8 bytes, a length and as many bytes, or 4 bytes.
std::vector<Field> fields(const std::string& message) {
  std::vector<Field> out;
  size_t at = 0;
  const auto varint = [&] {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(message.at(at++));
      value |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.size()) {
    const uint64_t tag = varint();
    Field field{.number = tag >> 3, .bytes = {}};
    const uint64_t kind = tag & 7;
    REQUIRE((kind == 0 || kind == 1 || kind == 2 || kind == 5));
    if (kind == 0) {
      field.integer = varint();
    } else {
      const size_t size = kind == 2 ? varint() : kind == 1 ? 8 : 4;
      REQUIRE(size <= message.size() - at);
      field.bytes = message.substr(at, size);
      if (kind != 2) field.integer = little_endian(field.bytes, 0, size);
      at += size;
    }
    out.push_back(std::move(field));
  }
  return out;
}

Field only(const std::string& message, uint64_t number) {
  std::vector<Field> found;
  for (const Field& f : fields(message)) {
    if (f.number == number) found.push_back(f);
  }
  REQUIRE(found.size() == 1);
  return found[0];
}

double wall_time(const std::string& event) { return std::bit_cast<double>(only(event, 1).integer); }
std::string summary_value(const std::string& event) { return only(only(event, 5).bytes, 1).bytes; }
float scalar(const std::string& event) { return std::bit_cast<float>(static_cast<uint32_t>(only(summary_value(event), 2).integer)); }

std::string content(const fs::path& path) { return read_text_file(path, 1 << 26); }

Image picture() {
  Image image{.width = 5, .height = 3, .channels = 3};
  for (int i = 0; i < 45; ++i) image.pixels.push_back(static_cast<uint8_t>(5 * i));
  return image;
}

/// Where the events go: a folder of its own, or the one that tests/tools/check_tensorboard.py reads afterwards.
class Folder {
 public:
  Folder() {
    if (const char* given = std::getenv("ALLOY_TENSORBOARD_FOLDER")) path_ = given;
    else path_ = own_.emplace().path() / "run";
  }
  const fs::path& path() const { return path_; }

 private:
  std::optional<TempDir> own_;
  fs::path path_;
};

}  // namespace

TEST_CASE("event file for other readers", "[eval]") {
  const Folder folder;
  {
    TensorBoardWriter board(folder.path());
    for (int64_t step = 0; step < 5; ++step) board.add_scalar("loss/train", 1.0 / static_cast<double>(1 + step), step);
    board.add_scalar("loss/train", kNan, 5);
    board.add_scalar("loss/train", 0.25, int64_t{1} << 40);
    board.add_scalar("größe <&> \xff", 1e300, 3);
    board.add_text("settings", "**dim** 256 — ok", 2);
    if (has_image_files()) board.add_image("samples", picture(), 4);
  }
  size_t files = 0;
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    ++files;
    CHECK(records(content(entry.path())).size() == (has_image_files() ? 11 : 10));
  }
  CHECK(files == 1);
}

TEST_CASE("event file", "[eval]") {
  const TempDir folder;
  SECTION("has the bytes that TensorBoard's own writer gives") {
    std::vector<std::string> expected = records(content(fixture("io/tensorboard.events")));
    REQUIRE(expected.size() == 8);
    expected.erase(expected.begin() + 6);  // the picture, whose PNG is no real one there
    TensorBoardWriter board(folder / "run");
    board.add_scalar("loss/train", 0.75, 0);
    board.add_scalar("loss/train", kNan, 1);
    board.add_scalar("loss/train", -kInf, 300);
    board.add_scalar("größe", 0.1, int64_t{1} << 40);
    board.add_scalar("zero", 0, -1);
    board.add_text("settings", "**dim** 256 — ok", 8);
    board.flush();
    const std::vector<std::string> actual = records(content(board.file()));
    REQUIRE(actual.size() == expected.size());
    for (size_t i = 0; i < actual.size(); ++i) {  // all but the wall time, bytes 1 to 8
      CHECK(actual[i].substr(0, 1) == expected[i].substr(0, 1));
      CHECK(actual[i].substr(9) == expected[i].substr(9));
    }
  }
  SECTION("is named so that TensorBoard finds it, and begins with its version and the time") {
    const auto seconds = [] { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); };
    const double before = seconds();
    const TensorBoardWriter board(folder / "a" / "b");
    const std::string name = board.file().filename().string();
    CHECK(name.rfind("events.out.tfevents.", 0) == 0);
    const double made = std::stod(name.substr(20, 10));
    CHECK((made >= std::floor(before) && made <= seconds()));
    CHECK_THAT(name, ContainsSubstring("." + std::to_string(::getpid()) + "."));
    const auto all = records(content(board.file()));
    REQUIRE(all.size() == 1);  // flushed at once
    CHECK(only(all[0], 3).bytes == "brain.Event:2");
    CHECK((wall_time(all[0]) >= before && wall_time(all[0]) <= seconds()));
  }
  SECTION("two writers in one folder and second have files of their own") {
    const TensorBoardWriter first(folder / "run"), second(folder / "run");
    CHECK(first.file() != second.file());
  }
  SECTION("keeps numbers beyond float's range as infinities, and malformed text as U+FFFD") {
    TensorBoardWriter board(folder / "run");
    board.add_scalar("a", 1e300, 1);
    board.add_scalar("a", -1e300, 1);
    board.add_scalar("a", 3.4028234e38, 1);
    board.add_scalar("x\xff\xc3y", 1, 1);
    board.add_text("t", "\xed\xa0\x80<script>", 1);
    board.flush();
    const auto all = records(content(board.file()));
    CHECK(scalar(all[1]) == static_cast<float>(kInf));
    CHECK(scalar(all[2]) == -static_cast<float>(kInf));
    CHECK_THAT(scalar(all[3]), WithinRel(3.4028234e38f, 1e-6f));
    CHECK(only(summary_value(all[4]), 1).bytes == "x\ufffd\ufffdy");
    CHECK(only(only(summary_value(all[5]), 8).bytes, 8).bytes == "\ufffd\ufffd\ufffd<script>");
  }
  SECTION("refuses an empty tag") {
    TensorBoardWriter board(folder / "run");
    CHECK_THROWS_AS(board.add_scalar("", 1, 1), ConfigError);
    board.flush();
    CHECK(records(content(board.file())).size() == 1);
  }
  SECTION("writes at flush, by itself once there is much, and at the end") {
    fs::path file;
    {
      TensorBoardWriter board(folder / "run");
      file = board.file();
      board.add_scalar("a", 1, 1);
      CHECK(records(content(file)).size() == 1);
      board.flush();
      CHECK(records(content(file)).size() == 2);
      board.add_text("long", std::string(1 << 20, 'x'), 2);
      CHECK(records(content(file)).size() == 3);
      board.add_scalar("a", 2, 3);
    }
    const auto all = records(content(file));
    REQUIRE(all.size() == 4);
    CHECK((scalar(all[3]) == 2 && only(all[3], 2).integer == 3));
  }
}

TEST_CASE("event file with a picture", "[eval]") {
  const TempDir folder;
  TensorBoardWriter board(folder / "run");
  if (!has_image_files()) {
    CHECK_THROWS_AS(board.add_image("samples", picture(), 4), ConfigError);
    return;
  }
  board.add_image("samples", picture(), 4);
  CHECK_THROWS_AS(board.add_image("samples", {.width = 5, .height = 4, .channels = 3, .pixels = picture().pixels}, 4), ShapeError);
  board.flush();
  const auto all = records(content(board.file()));
  REQUIRE(all.size() == 2);
  CHECK(only(all[1], 2).integer == 4);
  CHECK(only(summary_value(all[1]), 1).bytes == "samples");
  const std::string image = only(summary_value(all[1]), 4).bytes;
  CHECK((only(image, 1).integer == 3 && only(image, 2).integer == 5 && only(image, 3).integer == 3));
  const std::string png = only(image, 4).bytes;
  CHECK(decode_image(std::as_bytes(std::span(png)), "png").pixels == picture().pixels);
}

TEST_CASE("event file where the system refuses", "[eval]") {
  const TempDir folder;
  SECTION("no folder") {
    std::ofstream(folder / "file") << "x";
    CHECK_THROWS_AS(TensorBoardWriter(folder / "file"), IoError);
    CHECK_THROWS_WITH(TensorBoardWriter(folder / "file" / "run"), ContainsSubstring("file/run"));
    const Faults faults(0, EACCES, true);
    CHECK_THROWS_WITH(TensorBoardWriter(folder / "run"), ContainsSubstring("cannot create") && ContainsSubstring("Permission denied"));
  }
  SECTION("a full disk") {
    TensorBoardWriter board(folder / "run");
    board.add_scalar("a", 1, 1);
    {
      const Faults faults(0, ENOSPC, true);
      CHECK_THROWS_WITH(board.flush(), ContainsSubstring(board.file().string()));
    }
    {
      const Faults faults(0, ENOSPC);
      CHECK_THROWS_WITH(board.flush(), ContainsSubstring("No space left"));
    }
    CHECK(records(content(board.file())).size() == 1);
    board.add_scalar("a", 2, 2);
    board.flush();
    const auto all = records(content(board.file()));
    REQUIRE(all.size() == 3);
    CHECK((scalar(all[1]) == 1 && scalar(all[2]) == 2));
  }
  SECTION("a disk that fills in the middle of a record leaves whole ones, and nothing is written twice") {
    TensorBoardWriter board(folder / "run");
    board.add_scalar("a", 1, 1);
    board.flush();
    board.add_scalar("a", 2, 2);
    struct rlimit before {};
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
    struct rlimit less = before;
    less.rlim_cur = fs::file_size(board.file()) + 7;
    const auto old = std::signal(SIGXFSZ, SIG_IGN);
    REQUIRE(setrlimit(RLIMIT_FSIZE, &less) == 0);
    CHECK_THROWS_AS(board.flush(), IoError);
    REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
    std::signal(SIGXFSZ, old);
    CHECK(records(content(board.file())).size() == 2);
    board.flush();
    CHECK(records(content(board.file())).size() == 3);
  }
  SECTION("short writes") {
    TensorBoardWriter board(folder / "run");
    board.add_scalar("a", 1, 1);
    {
      const Faults faults(0, Faults::kShort, true);
      board.flush();
    }
    CHECK(records(content(board.file())).size() == 2);
  }
  SECTION("the destructor does not throw") {
    std::optional<TensorBoardWriter> board(std::in_place, folder / "run");
    board->add_scalar("a", 1, 1);
    const Faults faults(0, EIO, true);
    board.reset();
  }
}
