// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/memory.hpp"
#include "support/mutations.hpp"

#include <alloy/io/file.hpp>
#include <alloy/io/idx.hpp>

#include <zlib.h>

using namespace alloy;
namespace fs = std::filesystem;

namespace {

std::string idx(uint8_t type, const std::vector<uint32_t>& shape, const std::string& data) {
  std::string bytes = {0, 0, static_cast<char>(type), static_cast<char>(shape.size())};
  for (const uint32_t size : shape)
    for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(size >> shift & 0xff);
  return bytes + data;
}

void write_gzip(const fs::path& path, const std::string& bytes) {
  const gzFile file = gzopen(path.c_str(), "wb9");
  REQUIRE(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())) == static_cast<int>(bytes.size()));
  REQUIRE(gzclose(file) == Z_OK);
}

}  // namespace

TEST_CASE("read_idx", "[io]") {
  const TempDir dir;
  const fs::path path = dir / "x";
  struct Case {
    uint8_t type;
    std::vector<uint32_t> shape;
    std::string data;
    Tensor expected;
  };
  const std::vector<Case> cases = {
      {0x08, {2, 2}, {"\x00\x01\x7f\xff", 4}, torch::tensor({{0, 1}, {127, 255}}, at::kByte)},
      {0x09, {2}, {"\x80\x7f", 2}, torch::tensor({-128, 127}, at::kChar)},
      {0x0b, {2}, {"\x01\x02\xff\xfe", 4}, torch::tensor({258, -2}, at::kShort)},
      {0x0c, {1, 2}, {"\x01\x02\x03\x04\xff\xff\xff\xff", 8}, torch::tensor({{16909060, -1}}, at::kInt)},
      {0x0d, {1}, {"\x3f\xc0\x00\x00", 4}, torch::tensor({1.5f})},
      {0x0e, {1}, {"\xc0\x04\x00\x00\x00\x00\x00\x00", 8}, torch::tensor({-2.5}, at::kDouble)},
      {0x08, {0, 28, 28}, "", torch::empty({0, 28, 28}, at::kByte)},
  };
  for (const Case& c : cases) {
    write_raw(path, idx(c.type, c.shape, c.data));
    CHECK_THAT(read_idx(path), SameBits(c.expected));
    write_gzip(path, idx(c.type, c.shape, c.data));
    CHECK_THAT(read_idx(path), SameBits(c.expected));
  }
}

TEST_CASE("IDX files that must be rejected", "[io]") {
  const TempDir dir;
  const fs::path path = dir / "x";
  const std::string good = idx(0x08, {2, 2}, "abcd");
  std::string full_rank = idx(0x08, std::vector<uint32_t>(64, 1), "a");
  struct Case {
    std::string what, bytes, message;
  };
  const std::vector<Case> cases = {
      {"empty", "", "expected 4 more bytes"},
      {"three bytes", good.substr(0, 3), "more bytes"},
      {"not IDX", "\x89PNG\r\n", "no IDX file"},
      {"unknown type", idx(0x0a, {1}, "a"), "no IDX file"},
      {"rank 0", idx(0x08, {}, "a"), "axes"},
      {"rank 65", idx(0x08, std::vector<uint32_t>(65, 1), "a"), "axes"},
      {"rank 255", idx(0x08, std::vector<uint32_t>(255, 1), "a"), "axes"},
      {"axes cut", good.substr(0, 9), "more bytes"},
      {"data cut", good.substr(0, good.size() - 1), "1 more bytes"},
      {"a byte too many", good + "e", "got more bytes"},
      {"2^32 - 1 values in 13 bytes", idx(0x08, {0xffffffff}, "abcde"), "it is cut"},
      {"2^64 values", idx(0x08, {0xffffffff, 0xffffffff}, "a"), "at most"},
      {"product that wraps to 0", idx(0x0e, {1u << 31, 1u << 31, 1u << 31}, "a"), "at most"},
      {"zero and a product of 2^96", idx(0x08, {0, 1u << 31, 1u << 31, 1u << 31}, ""), "at most"},
  };
  for (const Case& c : cases) {
    INFO(c.what);
    write_raw(path, c.bytes);
    CHECK_THROWS_AS(read_idx(path), DataError);
    CHECK_THROWS_WITH(read_idx(path), ContainsSubstring(path.string()) && ContainsSubstring(c.message));
    write_gzip(path, c.bytes);
    CHECK_THROWS_AS(read_idx(path), DataError);
  }
  write_raw(path, full_rank);
  CHECK(read_idx(path).dim() == 64);
  write_raw(path, good);
  CHECK_THROWS_WITH(read_idx(path, {.max_bytes = 3}), ContainsSubstring("at most 3 bytes"));
  CHECK_THROWS_AS(read_idx(dir.path()), IoError);
  CHECK_THROWS_AS(read_idx(dir / "none"), IoError);

  SECTION("gzip: bytes behind, a wrong check sum, a second member") {
    write_gzip(path, good);
    const std::string packed = read_text_file(path, 1000);
    write_raw(path, packed + "x");
    CHECK_THROWS_WITH(read_idx(path), ContainsSubstring("got more bytes"));
    write_raw(path, packed + packed);
    CHECK_THROWS_WITH(read_idx(path), ContainsSubstring("got more bytes"));
    std::string wrong = packed;
    wrong[wrong.size() - 8] = static_cast<char>(wrong[wrong.size() - 8] ^ 1);
    write_raw(path, wrong);
    CHECK_THROWS_WITH(read_idx(path), ContainsSubstring("incorrect data check"));
  }
  SECTION("gzip bombs: more content than the header says, and a header that says more than can be") {
    write_gzip(path, good + std::string(200 << 20, '\0'));
    {
      const PeakMemory peak;
      CHECK_THROWS_WITH(read_idx(path), ContainsSubstring("got more bytes"));
      CHECK(peak.bytes().value_or(0) <= 16 << 20);
    }
    write_gzip(path, idx(0x08, {1 << 30}, std::string(1000, '\0')));
    const PeakMemory peak;
    CHECK_THROWS_WITH(read_idx(path), ContainsSubstring("cannot"));
    CHECK(peak.bytes().value_or(0) <= 16 << 20);
  }
}

TEST_CASE("an IDX file cut at every length and with every bit flipped", "[io]") {
  const TempDir dir;
  const std::string bytes = idx(0x0b, {3, 4, 5}, std::string(120, 'd'));
  const auto load = [](const fs::path& path) { read_idx(path).clone(); };
  CHECK(cut_everywhere(dir / "x", bytes, load).loaded == 0);
  CHECK(flip_every_bit(dir / "x", bytes, load).loaded >= 120 * 8);  // plain data has no check sum
  write_gzip(dir / "z", bytes);
  const std::string packed = read_text_file(dir / "z", 1000);
  CHECK(cut_everywhere(dir / "x", packed, load).loaded == 0);
  CHECK(flip_every_bit(dir / "x", packed, load).loaded < 8 * 10);  // but for bits of gzip's own header, that mean nothing
}

TEST_CASE("Fashion-MNIST as the distribution ships it", "[io]") {
  const fs::path folder = "/usr/share/datasets/fashion-mnist";
  if (!fs::exists(folder / "t10k-images-idx3-ubyte.gz")) {
    WARN("not installed (package dataset-fashion-mnist): skipped");
    return;
  }
  const Tensor images = read_idx(folder / "t10k-images-idx3-ubyte.gz"), labels = read_idx(folder / "t10k-labels-idx1-ubyte.gz");
  CHECK(images.sizes() == at::IntArrayRef({10000, 28, 28}));
  CHECK_THAT(torch::bincount(labels), SameBits(torch::full({10}, 1000, at::kLong)));
}
