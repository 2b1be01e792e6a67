// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/memory.hpp"
#include "support/mutations.hpp"

#include <alloy/io/file.hpp>
#include <alloy/io/npy.hpp>

#include <zip.h>

using namespace alloy;
namespace fs = std::filesystem;

namespace {

std::string npy(const std::string& header, const std::string& data, char version = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += {version, 0, static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8 & 0xff)};
  if (version > 1) bytes += {static_cast<char>(header.size() >> 16 & 0xff), static_cast<char>(header.size() >> 24 & 0xff)};
  return bytes + header + data;
}
std::string dict(const std::string& descr, const std::string& shape) {
  return "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
}
std::string replace_all(std::string text, const std::string& from, const std::string& to) {
  size_t count = 0;
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()), ++count) text.replace(at, from.size(), to);
  REQUIRE(count > 0);
  return text;
}

std::string zipped(const fs::path& path, const std::vector<std::pair<std::string, std::string>>& members, int method = ZIP_CM_DEFLATE) {
  fs::remove(path);
  zip_t* zip = zip_open(path.c_str(), ZIP_CREATE, nullptr);
  REQUIRE(zip != nullptr);
  for (const auto& [name, content] : members) {
    zip_source_t* source = zip_source_buffer(zip, content.data(), content.size(), 0);
    const zip_int64_t index = zip_file_add(zip, name.c_str(), source, 0);
    REQUIRE(index >= 0);
    REQUIRE(zip_set_file_compression(zip, static_cast<zip_uint64_t>(index), method, 0) == 0);
  }
  REQUIRE(zip_close(zip) == 0);
  return read_text_file(path, 1 << 20);
}

Tensor base() { return torch::arange(24).view({2, 3, 4}); }

}  // namespace

TEST_CASE("read_npy", "[io]") {
  const TempDir dir;
  CHECK_THAT(read_npy(fixture("io/v1.npy")), SameBits(base().to(at::kFloat)));
  CHECK_THAT(read_npy(fixture("io/v2.npy")), SameBits(base().to(at::kInt)));  // Fortran order, big-endian
  CHECK_THAT(read_npy(fixture("io/v3.npy")), SameBits(base().to(at::kInt)));
  CHECK(read_npy(fixture("io/v2.npy")).is_contiguous());

  const auto read = [&](const std::string& bytes) {
    write_raw(dir / "x", bytes);
    return read_npy(dir / "x");
  };
  CHECK_THAT(read(npy(dict("|u1", "(2,)"), "ab")), SameBits(torch::tensor({97, 98}, at::kByte)));
  CHECK_THAT(read(npy(dict("=i2", "(1L,)"), std::string("\1\0", 2))), SameBits(torch::tensor({1}, at::kShort)));
  CHECK_THAT(read(npy("{\"shape\":(1,1),\"descr\":\"|b1\",\"fortran_order\":True}\n", "\1")), SameBits(torch::tensor({{true}})));
  CHECK(read(npy(dict("<f4", "(0, 5)"), "")).sizes() == at::IntArrayRef({0, 5}));
}

TEST_CASE("read_npz", "[io]") {
  const auto arrays = read_npz(fixture("io/deflated.npz"));
  REQUIRE(arrays.size() == 48);
  const std::map<std::string, at::ScalarType> dtypes = {{"f2", at::kHalf}, {"f4", at::kFloat}, {"f8", at::kDouble}, {"i1", at::kChar},
                                                        {"i2", at::kShort}, {"i4", at::kInt}, {"i8", at::kLong}, {"u1", at::kByte},
                                                        {"u2", at::kUInt16}, {"u4", at::kUInt32}, {"u8", at::kUInt64}};
  for (const auto& [name, array] : arrays) {
    INFO(name);
    if (const auto found = dtypes.find(name.substr(0, 2)); found != dtypes.end()) CHECK_THAT(array, SameBits(base().to(found->second)));
    else if (name == "b1") CHECK_THAT(array, SameBits(base().remainder(3).eq(0)));
    else if (name == "scalar") CHECK_THAT(array, SameBits(torch::tensor(2.5, at::kDouble)));
    else if (name == "empty") CHECK_THAT(array, SameBits(torch::empty({0, 5})));
    else CHECK_THAT(array, SameBits(torch::tensor({int64_t{7}})));
  }
  const auto stored = read_npz(fixture("io/stored.npz"));
  REQUIRE(stored.size() == 2);
  CHECK(stored[0].first == "a");
  CHECK_THAT(stored[0].second, SameBits(base().to(at::kShort)));
  CHECK_THAT(stored[1].second, SameBits(torch::tensor({1.5, -2.5}, at::kDouble)));
}

TEST_CASE("npy files that must be rejected", "[io]") {
  const TempDir dir;
  const fs::path path = dir / "x";
  const std::string good = npy(dict("<f4", "(1,)"), "abcd");
  std::string ones = "(1";
  for (int i = 0; i < 64; ++i) ones += ",1";
  struct Case {
    std::string what, bytes, message;
  };
  const std::vector<Case> cases = {
      {"empty", "", "at least 8 bytes"},
      {"no magic", "PK\x03\x04" + good, "another"},
      {"version 0", replace_all(good, std::string("NUMPY\x01", 6), std::string("NUMPY\0", 6)), "got 0.0"},
      {"version 4", replace_all(good, "NUMPY\x01", "NUMPY\x04"), "got 4.0"},
      {"header length past the end", npy(dict("<f4", "(1,)"), "").substr(0, 40), "at least"},
      {"header length 2^32 - 1", std::string("\x93NUMPY\x02\0\xff\xff\xff\xff", 12), "at most 65536"},
      {"empty header", npy("", "abcd"), "header like"},
      {"header not closed", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)", "abcd"), "header like"},
      {"text behind the header", npy(dict("<f4", "(1,)") + "x", "abcd"), "header like"},
      {"no comma", npy("{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}", "abcd"), "header like"},
      {"no descr", npy("{'fortran_order': False, 'shape': (1,), }", "abcd"), "header like"},
      {"no shape", npy("{'descr': '<f4', 'fortran_order': False, }", "abcd"), "header like"},
      {"no order", npy("{'descr': '<f4', 'shape': (1,), }", "abcd"), "header like"},
      {"shape twice", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'shape': (1,)}", "abcd"), "header like"},
      {"another key", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': (1,)}", "abcd"), "header like"},
      {"order is a number", npy("{'descr': '<f4', 'fortran_order': 0, 'shape': (1,), }", "abcd"), "header like"},
      {"code", npy("{'descr': __import__('os'), 'fortran_order': False, 'shape': (1,), }", "abcd"), "header like"},
      {"shape is a number", npy(dict("<f4", "1"), "abcd"), "header like"},
      {"shape without comma", npy(dict("<f4", "(1)"), "abcd"), "header like"},
      {"shape negative", npy(dict("<f4", "(-1,)"), "abcd"), "header like"},
      {"shape 1.5", npy(dict("<f4", "(1.5,)"), "abcd"), "header like"},
      {"shape of 30 digits", npy(dict("<f4", "(100000000000000000000000000000,)"), "abcd"), "header like"},
      {"shape 2^63", npy(dict("<f4", "(9223372036854775808,)"), "abcd"), "header like"},
      {"product 2^64", npy(dict("|u1", "(4294967296,4294967296)"), ""), "2^63"},
      {"product that wraps to 4", npy(dict("|u1", "(4611686018427387905,4)"), "abcd"), "2^63"},
      {"zero and a product of 2^64", npy(dict("|u1", "(0,4294967296,4294967296)"), ""), "2^63"},
      {"rank 65", npy(dict("<f4", ones + ")"), "abcd"), "64 axes"},
      {"a terabyte in four bytes", npy(dict("|u1", "(1099511627776,)"), "abcd"), "expected 1099511627776 bytes"},
      {"data cut", good.substr(0, good.size() - 1), "got 3"},
      {"a byte too many", good + "e", "got 5"},
      {"f16", npy(dict("<f16", "(1,)"), "abcd"), "'<f16'"},
      {"i3", npy(dict("<i3", "(1,)"), "abc"), "'<i3'"},
      {"dates", npy(dict("<M8[ns]", "(1,)"), "abcdefgh"), "'<M8[ns]'"},
      {"no dtype", npy(dict("", "(1,)"), "abcd"), "dtype of"},
      {"objects by hand", npy(dict("|O", "(1,)"), "abcdefgh"), "code"},
      {"b1 of 2", npy(dict("|b1", "(1,)"), "\x02"), "b1"},
      {"escape sequences are not echoed", npy(dict("\x1b[2J", "(1,)"), "abcd"), "'?[2J'"},
  };
  for (const Case& c : cases) {
    INFO(c.what);
    write_raw(path, c.bytes);
    CHECK_THROWS_AS(read_npy(path), DataError);
    CHECK_THROWS_WITH(read_npy(path), ContainsSubstring(path.string()) && ContainsSubstring(c.message));
    if (c.what == "empty") continue;
    zipped(dir / "z", {{"good.npy", good}, {"bad.npy", c.bytes}});
    CHECK_THROWS_WITH(read_npz(dir / "z"), ContainsSubstring("z:bad.npy") && ContainsSubstring(c.message));
  }
  CHECK_THROWS_WITH(read_npy(fixture("io/object.npy")), ContainsSubstring("Python objects"));
  CHECK_THROWS_WITH(read_npy(fixture("io/record.npy")), ContainsSubstring("records"));
  CHECK_THROWS_WITH(read_npy(fixture("io/text.npy")), ContainsSubstring("'<U2'"));
  CHECK_THROWS_WITH(read_npy(fixture("io/complex.npy")), ContainsSubstring("'<c8'"));
  CHECK_THROWS_WITH(read_npy(fixture("io/v1.npy"), {.max_bytes = 100}), ContainsSubstring("at most 100 bytes"));
  CHECK_THROWS_AS(read_npy(dir.path()), IoError);
  CHECK_THROWS_AS(read_npz(dir / "none"), IoError);
}

TEST_CASE("npz files that must be rejected", "[io]") {
  const TempDir dir;
  const fs::path path = dir / "x.npz";
  const std::string good = npy(dict("|u1", "(300,)"), std::string(300, 'd'));
  const std::string stored = zipped(path, {{"a.npy", good}, {"b.npy", good}}, ZIP_CM_STORE);
  const std::string deflated = zipped(path, {{"a.npy", good}});
  std::string size(2, '\0');
  size[0] = static_cast<char>(good.size() & 0xff);
  size[1] = static_cast<char>(good.size() >> 8);
  std::string wrong_sum = stored;
  wrong_sum[stored.find("ddd")] = 'e';
  struct Case {
    std::string what, bytes, message;
  };
  const std::vector<Case> cases = {
      {"empty", "", "zip archive"},
      {"an npy file", good, "zip archive"},
      {"a name twice", replace_all(stored, "b.npy", "a.npy"), "'a.npy' twice"},
      {"a member of another kind", replace_all(stored, "b.npy", "b.txt"), "'b.txt'"},
      {"more content than it says", replace_all(deflated, size + std::string(2, '\0'), std::string("\x50\1\0\0", 4)), "bytes"},
      {"a gigabyte said", replace_all(deflated, size + std::string(2, '\0'), std::string("\0\0\0\x40", 4)), "fit into"},
      {"2^32 - 2 bytes said", replace_all(deflated, size + std::string(2, '\0'), "\xfe\xff\xff\xff"), "fit into"},
      {"stored with two sizes", replace_all(stored, size + std::string(2, '\0') + size, size + std::string(2, '\0') + std::string(1, '\1') + size.substr(1)), "fit into"},
      {"a wrong check sum", wrong_sum, "CRC"},
  };
  for (const Case& c : cases) {
    INFO(c.what);
    write_raw(path, c.bytes);
    CHECK_THROWS_AS(read_npz(path), DataError);
    CHECK_THROWS_WITH(read_npz(path), ContainsSubstring("x.npz") && ContainsSubstring(c.message));
  }
  write_raw(path, stored);
  CHECK_THROWS_WITH(read_npz(path, {.max_bytes = good.size() * 2 - 1}), ContainsSubstring("unpack to at most"));
  CHECK(read_npz(path, {.max_bytes = good.size() * 2}).size() == 2);

  SECTION("a bomb needs no memory to be refused") {
    zipped(path, {{"a.npy", npy(dict("|u1", "(1,)"), std::string(100 << 20, '\0'))}});
    const PeakMemory peak;
    CHECK_THROWS_AS(read_npz(path), DataError);
    CHECK(peak.bytes().value_or(0) <= 16 << 20);
  }
}

TEST_CASE("npy and npz files cut at every length and with every bit flipped", "[io]") {
  const TempDir dir;
  const auto load = [](const fs::path& path) { read_npy(path).clone(); };
  const auto load_archive = [](const fs::path& path) {
    for (const auto& [name, array] : read_npz(path)) array.clone();
  };
  const std::string v1 = read_text_file(fixture("io/v1.npy"), 1 << 20), v3 = read_text_file(fixture("io/v3.npy"), 1 << 20);
  for (const std::string& bytes : {v1, v3}) {
    CHECK(cut_everywhere(dir / "x", bytes, load).loaded == 0);
    CHECK(flip_every_bit(dir / "x", bytes, load).loaded >= 96 * 8);  // plain data has no check sum
  }
  const std::string stored = read_text_file(fixture("io/stored.npz"), 1 << 20);
  const std::string deflated = zipped(dir / "z", {{"a.npy", v1}});
  for (const std::string& bytes : {stored, deflated}) {
    CHECK(cut_everywhere(dir / "x", bytes, load_archive).loaded == 0);
    const MutationCounts flipped = flip_every_bit(dir / "x", bytes, load_archive);
    CHECK(flipped.rejected > flipped.loaded);
  }
}
