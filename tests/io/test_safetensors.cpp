// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/memory.hpp"
#include "support/mutations.hpp"

#include <alloy/core/log.hpp>
#include <alloy/io/file.hpp>
#include <alloy/io/safetensors.hpp>

using namespace alloy;
namespace fs = std::filesystem;

namespace {

std::string length_field(uint64_t length) {
  std::string field(8, '\0');
  for (size_t byte = 0; byte < 8; ++byte) field[byte] = static_cast<char>(length >> (8 * byte) & 0xff);
  return field;
}
std::string file_of(const std::string& header, size_t data = 0) { return length_field(header.size()) + header + std::string(data, '\0'); }
/// One tensor `a` with the shape and offsets given.
std::string one(const std::string& shape, const std::string& offsets, size_t data, const std::string& dtype = "F32") {
  return file_of(R"({"a":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}", data);
}
std::string pair_of(const std::string& first, const std::string& second, size_t data) {
  return file_of(R"({"a":{"dtype":"U8","shape":)" + first + R"(},"b":{"dtype":"U8","shape":)" + second + "}}", data);
}

std::string quoted(int number, const std::string& ending) {
  std::string text(1, '"');
  text += std::to_string(number);
  text += ending;
  text += '"';
  return text;
}

Tensor find(const NamedTensors& tensors, const std::string& name) {
  for (const auto& [candidate, tensor] : tensors)
    if (candidate == name) return tensor;
  FAIL("no tensor " << name);
  return {};
}

/// Catches what the library logs.
struct LogCapture {
  LogCapture() {
    set_log_sink([this](LogLevel, std::string_view message) { messages.emplace_back(message); });
  }
  ~LogCapture() { set_log_sink({}); }
  std::vector<std::string> messages;
};

}  // namespace

TEST_CASE("a file of Python's package with every dtype", "[io]") {
  const fs::path path = fixture("io/all_dtypes.safetensors");
  const NamedTensors tensors = load_safetensors(path);
  CHECK(tensors.size() == 19);
  const auto bits = [](const Tensor& tensor) { return tensor.view(at::kShort); };
  const auto raw = [](const Tensor& tensor) { return tensor.view(at::kByte); };
  CHECK_THAT(find(tensors, "f64"), SameBits(torch::tensor({1.5, -4.9406564584124654e-324}, at::kDouble)));
  CHECK_THAT(find(tensors, "f32"), SameBits(torch::tensor({{0.f, -0.f, 1.f}, {3.14159265358979f, 3.4e38f, -1e-45f}})));
  CHECK_THAT(bits(find(tensors, "f16")), SameBits(torch::tensor({0x3c00, -1025, 1}, at::kShort)));
  CHECK(find(tensors, "f16").scalar_type() == at::kHalf);
  CHECK_THAT(find(tensors, "bf16").to(at::kFloat), SameBits(torch::tensor({1.f, -3.140625f})));
  CHECK_THAT(find(tensors, "i64"), SameBits(torch::tensor({INT64_MAX, INT64_MIN})));
  CHECK_THAT(find(tensors, "i32"), SameBits(torch::tensor({INT32_MIN}, at::kInt)));
  CHECK_THAT(find(tensors, "i16"), SameBits(torch::tensor({{-32768}, {32767}}, at::kShort)));
  CHECK_THAT(find(tensors, "i8"), SameBits(torch::tensor({-128, 127}, at::kChar)));
  CHECK_THAT(find(tensors, "u8"), SameBits(torch::tensor({0, 255}, at::kByte)));
  CHECK_THAT(find(tensors, "bool"), SameBits(torch::tensor({true, false, true})));
  CHECK(find(tensors, "u16").scalar_type() == at::kUInt16);
  CHECK_THAT(raw(find(tensors, "u16")), SameBits(torch::full({2}, 255, at::kByte)));
  CHECK(find(tensors, "u32").scalar_type() == at::kUInt32);
  CHECK(find(tensors, "u64").scalar_type() == at::kUInt64);
  CHECK_THAT(raw(find(tensors, "u64")), SameBits(torch::full({8}, 255, at::kByte)));
  CHECK(find(tensors, "c64").item<c10::complex<float>>() == c10::complex<float>(1, -2));
  CHECK_THAT(find(tensors, "f8_e4m3").to(at::kFloat), SameBits(torch::tensor({1.f, -2.f})));
  CHECK_THAT(find(tensors, "f8_e5m2").to(at::kFloat), SameBits(torch::tensor({1.f, -2.f})));
  CHECK_THAT(find(tensors, "scalar"), SameBits(torch::tensor(42.f)));
  CHECK_THAT(find(tensors, "empty"), SameBits(torch::empty({0, 5})));
  CHECK_THAT(find(tensors, "name \"quoted\" \\ é€"), SameBits(torch::tensor({7}, at::kByte)));

  const SafetensorsHeader header = read_safetensors_header(path);
  CHECK(header.metadata == SafetensorsMetadata{{"format", "pt"}});
  CHECK(header.tensors.front().name == "u64");

  SECTION("written again, in any order, it has the same bytes") {
    const TempDir dir;
    save_safetensors(dir / "x", NamedTensors(tensors.rbegin(), tensors.rend()), header.metadata);
    CHECK(read_text_file(dir / "x", 1 << 20) == read_text_file(path, 1 << 20));
  }
}

TEST_CASE("save_safetensors", "[io]") {
  const TempDir dir;
  const fs::path path = dir / "x.safetensors";
  SECTION("views, gradients, conjugates and no tensors at all") {
    const Tensor base = torch::arange(6.f).view({2, 3}).requires_grad_();
    const Tensor complex = torch::view_as_complex(torch::tensor({{1.f, 2.f}})).conj();
    save_safetensors(path, {{"t", base.t()}, {"c", complex}});
    const NamedTensors loaded = load_safetensors(path);
    CHECK_THAT(find(loaded, "t"), SameBits(torch::tensor({{0.f, 3.f}, {1.f, 4.f}, {2.f, 5.f}})));
    CHECK(find(loaded, "c").item<c10::complex<float>>() == c10::complex<float>(1, -2));
    CHECK(!find(loaded, "t").requires_grad());
    save_safetensors(path, {});
    CHECK(load_safetensors(path).empty());
  }
  SECTION("the data starts at a multiple of 8, whatever the length of the names") {
    for (size_t length = 1; length < 9; ++length) {
      save_safetensors(path, {{std::string(length, 'n'), torch::ones(2)}});
      CHECK(read_safetensors_header(path).data_start % 8 == 0);
    }
  }
  SECTION("metadata of any text survives") {
    const SafetensorsMetadata metadata = {{"a\"\\", "line\nbreak\t\x01 é"}, {"", ""}};
    save_safetensors(path, {{"t", torch::ones(1)}}, metadata);
    CHECK(read_safetensors_header(path).metadata == metadata);
  }
  SECTION("what would not be read back is refused, and the old file stays") {
    save_safetensors(path, {{"old", torch::ones(1)}});
    const Tensor t = torch::ones(1);
    CHECK_THROWS_WITH(save_safetensors(path, {{"a", t}, {"a", t}}), ContainsSubstring("'a' twice"));
    CHECK_THROWS_WITH(save_safetensors(path, {{"a", Tensor()}}), ContainsSubstring("undefined"));
    CHECK_THROWS_WITH(save_safetensors(path, {{"a", torch::ones(1, at::kComplexDouble)}}), ContainsSubstring("ComplexDouble"));
    CHECK_THROWS_AS(save_safetensors(path, {{"a", torch::ones({2, 2}).to_sparse()}}), DataError);
    CHECK_THROWS_AS(save_safetensors(path, {{std::string("a\0b", 3), t}}), DataError);
    CHECK_THROWS_AS(save_safetensors(path, {{"\xff", t}}), DataError);
    CHECK_THROWS_AS(save_safetensors(path, {{"__metadata__", t}}), DataError);
    CHECK_THROWS_AS(save_safetensors(path, {{"a", t}}, {{"k", "1"}, {"k", "2"}}), DataError);
    CHECK(load_safetensors(path).front().first == "old");
  }
}

TEST_CASE("safetensors files that must be rejected", "[io]") {
  const TempDir dir;
  const fs::path path = dir / "x";
  const std::string good = R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  std::string nested = R"({"a":)";
  for (int i = 0; i < 100'000; ++i) nested += "[";
  struct Case {
    std::string what, bytes, message;
  };
  const std::vector<Case> cases = {
      {"empty file", "", "got 0 bytes"},
      {"7 bytes", "1234567", "got 7 bytes"},
      {"length 0", length_field(0), "starts with {"},
      {"length 1", length_field(1) + "{", "JSON"},
      {"length one more than there is", length_field(good.size() + 5) + good + std::string(4, '\0'), "is cut"},
      {"length 2^63", length_field(uint64_t{1} << 63) + good, "is cut"},
      {"length 2^64-1", length_field(UINT64_MAX) + good, "is cut"},
      {"length 2^64-8", length_field(UINT64_MAX - 7) + good, "is cut"},
      {"length 100,000,001", length_field(100'000'001) + good, "is cut"},
      {"not UTF-8", file_of("{\"\xff\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4), "UTF-8"},
      {"overlong UTF-8", file_of("{\"\xc0\xaf\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4), "UTF-8"},
      {"byte order mark", file_of("\xef\xbb\xbf" + good, 4), "starts with {"},
      {"leading space", file_of(" " + good, 4), "starts with {"},
      {"an array", file_of("[1]"), "starts with {"},
      {"trailing comma", file_of(good.substr(0, good.size() - 1) + ",}", 4), "JSON"},
      {"text behind", file_of(good + "x", 4), "JSON"},
      {"a second object behind", file_of(good + "{}", 4), "JSON"},
      {"NUL and text behind", file_of(good + std::string("\0x", 2), 4), "starts with {"},
      {"comment", file_of("{/**/" + good.substr(1), 4), "JSON"},
      {"deep arrays", file_of(nested), "an array"},
      {"deep objects", file_of(R"({"a":{"dtype":{"a":{"a":{}}}}})"), "an object"},
      {"name twice", file_of(good.substr(0, good.size() - 1) + "," + good.substr(1), 4), "'a' twice"},
      {"metadata twice", file_of(R"({"__metadata__":{},"__metadata__":{}})"), "twice"},
      {"metadata key twice", file_of(R"({"__metadata__":{"k":"1","k":"2"}})"), "'k' twice"},
      {"name of 1 MB", file_of("{\"" + std::string(1 << 20, 'n') + R"(":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4), "at most 4096"},
      {"NUL in a name", file_of(R"({"a\u0000":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4), "control"},
      {"escape in a name", file_of(R"({"\u001b[2J":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4), "'?[2J'"},
      {"metadata is a list", file_of(R"({"__metadata__":[]})"), "an array"},
      {"metadata is a string", file_of(R"({"__metadata__":"x"})"), "a string"},
      {"metadata of numbers", file_of(R"({"__metadata__":{"k":1}})"), "a number"},
      {"metadata nested", file_of(R"({"__metadata__":{"k":{}}})"), "an object"},
      {"metadata null", file_of(R"({"__metadata__":null})"), "null"},
      {"tensor is a number", file_of(R"({"a":1})"), "a number"},
      {"no dtype", file_of(R"({"a":{"shape":[],"data_offsets":[0,4]}})", 4), "dtype, shape and data_offsets"},
      {"no shape", file_of(R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", 4), "dtype, shape and data_offsets"},
      {"no offsets", file_of(R"({"a":{"dtype":"F32","shape":[1]}})", 4), "dtype, shape and data_offsets"},
      {"shape twice", file_of(R"({"a":{"shape":[1],"shape":[1],"dtype":"F32","data_offsets":[0,4]}})", 4), "twice"},
      {"another key", file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}})", 4), "'x'"},
      {"dtype unknown", one("[1]", "[0,4]", 4, "F33"), "'F33'"},
      {"dtype of half a byte", one("[2]", "[0,1]", 1, "F4"), "'F4'"},
      {"dtype null", file_of(R"({"a":{"dtype":null,"shape":[1],"data_offsets":[0,4]}})", 4), "null"},
      {"dtype and size disagree", one("[1]", "[0,4]", 4, "F64"), "expected 8 bytes"},
      {"size negative", one("[-1]", "[0,4]", 4), "negative"},
      {"size -0", one("[-0]", "[0,0]", 0), "negative"},
      {"size 1e30", one("[1e30]", "[0,4]", 4), "fraction"},
      {"size 2.5", one("[2.5]", "[0,4]", 4), "fraction"},
      {"size 1.0", one("[1.0]", "[0,4]", 4), "fraction"},
      {"size a string", one("[\"1\"]", "[0,4]", 4), "a string"},
      {"size of 30 digits", one("[100000000000000000000000000000]", "[0,4]", 4), "fraction"},
      {"product 2^64", one("[4294967296,4294967296]", "[0,4]", 4), "2^63"},
      {"product 2^64 of bytes", one("[4611686018427387904,4]", "[0,0]", 0, "U8"), "2^63"},
      {"product that wraps to 4", one("[4611686018427387905,4]", "[0,4]", 4, "U8"), "2^63"},
      {"zero and 2^63", one("[0,9223372036854775808]", "[0,0]", 0), "2^63"},
      {"zero and a product of 2^64", one("[0,4294967296,4294967296]", "[0,0]", 0), "2^63"},
      {"rank 65", one("[1" + [] { std::string ones; for (int i = 0; i < 64; ++i) ones += ",1"; return ones; }() + "]", "[0,4]", 4), "64 axes"},
      {"shape nested", one("[[1]]", "[0,4]", 4), "an array"},
      {"begin after end", one("[1]", "[4,0]", 4), "inside"},
      {"end past the data", one("[2]", "[0,8]", 4), "inside"},
      {"end 2^64-1", one("[1]", "[0,18446744073709551615]", 4), "2^63"},
      {"one offset", one("[1]", "[4]", 4), "two data_offsets"},
      {"three offsets", one("[1]", "[0,4,4]", 4), "two data_offsets"},
      {"overlap of a byte", pair_of(R"([2],"data_offsets":[0,2])", R"([2],"data_offsets":[1,3])", 3), "overlap"},
      {"the same bytes twice", pair_of(R"([2],"data_offsets":[0,2])", R"([2],"data_offsets":[0,2])", 2), "overlap"},
      {"hole of a byte", pair_of(R"([1],"data_offsets":[0,1])", R"([1],"data_offsets":[2,3])", 3), "hole"},
      {"hole at the start", one("[1]", "[1,5]", 5), "hole"},
      {"trailing byte", file_of(good, 5), "expected 4 bytes of data, got 5"},
      {"data without tensors", file_of("{}", 1), "expected 0 bytes"},
      {"BOOL of 2", file_of(R"({"a":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}})") + "\x02", "BOOL"},
  };
  for (const Case& c : cases) {
    INFO(c.what);
    write_raw(path, c.bytes);
    CHECK_THROWS_AS(load_safetensors(path), DataError);
    CHECK_THROWS_WITH(load_safetensors(path), ContainsSubstring(path.string()) && ContainsSubstring(c.message));
  }
  CHECK_THROWS_AS(load_safetensors(dir.path()), IoError);
  CHECK_THROWS_AS(load_safetensors(dir / "none"), IoError);

  SECTION("a sparse file of two terabytes whose header fits") {
    write_raw(path, one("[549755813888]", "[0,2199023255552]", 0));
    fs::resize_file(path, fs::file_size(path) + (uint64_t{2} << 40));
    CHECK_THROWS_WITH(load_safetensors(path), ContainsSubstring("max_bytes"));
#if !defined(__SANITIZE_ADDRESS__)  // which ends the program at such a request
    CHECK_THROWS_AS(load_safetensors(path, {.max_bytes = INT64_MAX}), DataError);
#endif
  }
}

TEST_CASE("safetensors files at the edge that are accepted", "[io]") {
  const TempDir dir;
  const fs::path path = dir / "x";
  const auto shape_of = [&](const std::string& bytes) {
    write_raw(path, bytes);
    return load_safetensors(path).at(0).second.sizes().vec();
  };
  CHECK(shape_of(one("[1]", "[0,4]", 4)) == std::vector<int64_t>{1});
  CHECK(shape_of(one("[0,5]", "[0,0]", 0)) == std::vector<int64_t>{0, 5});
  CHECK(shape_of(one("[]", "[0,4]", 4)).empty());
  CHECK(shape_of(file_of("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}     ", 1)) == std::vector<int64_t>{1});
  CHECK(shape_of(one("[1" + [] { std::string ones; for (int i = 0; i < 63; ++i) ones += ",1"; return ones; }() + "]", "[0,4]", 4)).size() == 64);
  SECTION("no tensors, no metadata") {
    write_raw(path, file_of("{}"));
    CHECK(load_safetensors(path).empty());
  }
  SECTION("unsorted order, misaligned start") {
    write_raw(path, file_of(R"({"b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})") +
                        std::string("\x07\0\0\x80\x3f", 5));
    const NamedTensors loaded = load_safetensors(path);
    CHECK_THAT(find(loaded, "a"), SameBits(torch::tensor({7}, at::kByte)));
    CHECK_THAT(find(loaded, "b"), SameBits(torch::tensor({1.f})));
    CHECK(loaded.front().first == "b");
  }
}

TEST_CASE("a million declared tensors", "[io][slow]") {
  const TempDir dir;
  std::string header = "{";
  for (int i = 0; i < 1'000'000; ++i) header += quoted(i, "") + R"(:{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)";
  header.back() = '}';
  write_raw(dir / "x", file_of(header));
  const int64_t size = static_cast<int64_t>(fs::file_size(dir / "x"));
  header = {};
  const PeakMemory peak;
  CHECK_THROWS_WITH(load_safetensors(dir / "x"), ContainsSubstring("at most 100000 tensors"));
  CHECK(peak.bytes().value_or(0) <= std::min<int64_t>(size + (64 << 20), 256 << 20));

  SECTION("and other ways to fill memory") {
    const auto peak_of = [&](const std::string& text) {
      write_raw(dir / "x", file_of(text));
      const PeakMemory inner;
      CHECK_THROWS_AS(load_safetensors(dir / "x"), DataError);
      return inner.bytes().value_or(0) - static_cast<int64_t>(text.size());
    };
    std::string shapes = "{", names = "{", metadata = R"({"__metadata__":{"a":")" + std::string(60 << 20, 'x') + "\"}, 1}";
    const std::string sizes = [] { std::string ones = "1"; for (int i = 0; i < 63; ++i) ones += ",1"; return ones; }();
    for (int i = 0; i < 99'999; ++i) shapes += quoted(i, "") + ":{\"shape\":[" + sizes + R"(],"dtype":"U8","data_offsets":[0,1]},)";
    for (int i = 0; i < 20'000; ++i) names += quoted(i, std::string(4000, 'n')) + R"(:{"shape":[0],"dtype":"U8","data_offsets":[0,0]},)";
    CHECK(peak_of(shapes) <= 64 << 20);
    CHECK(peak_of(names) <= 64 << 20);
    CHECK(peak_of(metadata) <= 64 << 20);
    CHECK(peak_of("{\"a\":{\"shape\":[" + std::string(60 << 20, '1') + "]}}") <= 64 << 20);
  }
}

TEST_CASE("a safetensors file cut at every length and with every bit flipped", "[io]") {
  const TempDir dir;
  const std::string bytes = read_text_file(fixture("io/all_dtypes.safetensors"), 1 << 20);
  const auto load = [&](const fs::path& path) {
    int64_t total = 0;
    for (const auto& [name, tensor] : load_safetensors(path, {.non_finite = NonFinite::allow})) {
      total += static_cast<int64_t>(tensor.nbytes());
      tensor.clone();  // touches every byte
    }
    if (total != 112) throw std::logic_error("tensors that do not fill the data");
  };
  const MutationCounts cut = cut_everywhere(dir / "x", bytes, load);
  CHECK(cut.loaded == 0);
  const MutationCounts flipped = flip_every_bit(dir / "x", bytes, load);
  CHECK(flipped.loaded > 800);  // the data has no check sums: 109 bytes whose every bit is a value
  CHECK(flipped.rejected > 4000);
}

TEST_CASE("NaN and infinite weights", "[io]") {
  const TempDir dir;
  const fs::path path = dir / "x";
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const auto outcome = [&](const NamedTensors& tensors) {
    save_safetensors(path, tensors);
    LogCapture log;
    load_safetensors(path);
    load_safetensors(path, {.non_finite = NonFinite::allow});
    CHECK(log.messages.size() <= 1);
    bool rejected = false;
    try {
      load_safetensors(path, {.non_finite = NonFinite::reject});
    } catch (const DataError&) {
      rejected = true;
    }
    CHECK(rejected == !log.messages.empty());
    return log.messages.empty() ? std::string() : log.messages[0];
  };
  for (const auto dtype : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16, at::kFloat8_e5m2, at::kFloat8_e4m3fn, at::kComplexFloat}) {
    INFO(c10::toString(dtype));
    CHECK_THAT(outcome({{"fine", torch::ones(3)}, {"bad", torch::tensor({1.f, nan}).to(dtype)}}), ContainsSubstring("in 1 tensors: bad"));
    if (dtype != at::kFloat8_e4m3fn) CHECK_THAT(outcome({{"bad", torch::tensor({-inf, 1.f}).to(dtype)}}), ContainsSubstring("bad"));
    CHECK(outcome({{"good", torch::tensor({1.5f, -448.f, 0.f}).to(dtype)}}).empty());
  }
  CHECK(outcome({{"ints", torch::full({4}, -1, at::kLong)}}).empty());
  CHECK(outcome({{"largest", torch::tensor({std::numeric_limits<float>::max()})}}).empty());
}
