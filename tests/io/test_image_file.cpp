// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core/error.hpp>
#include <alloy/io/image_file.hpp>

#include <fstream>
#include <map>
#include <sys/stat.h>
#include <zlib.h>

using namespace alloy;

namespace {

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  return std::string(std::istreambuf_iterator<char>(file), {});
}
std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
std::string image_text(const std::string& name) { return text_of(fixture("images/" + name)); }
Image decode(std::string_view text, ImageMode mode = ImageMode::rgb, const ImageLimits& limits = {}) {
  return decode_image(bytes_of(text), "test", mode, limits);
}
void write(const std::filesystem::path& path, std::string_view text) { std::ofstream(path, std::ios::binary) << text; }

struct Expected {
  std::string file, mode;
  Image image;
};

std::vector<Expected> expected_images() {
  std::vector<Expected> all;
  std::ifstream lines(fixture("images/expected.txt"));
  std::string file, mode, hex;
  int64_t width = 0, height = 0;
  while (lines >> file >> mode >> width >> height >> hex) {
    Image image{.width = width, .height = height, .channels = mode == "RGB" ? 3 : mode == "L" ? 1 : 4};
    for (size_t i = 0; i < hex.size(); i += 2) image.pixels.push_back(static_cast<uint8_t>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    all.push_back({file, mode, image});
  }
  return all;
}

int largest_difference(const Image& a, const Image& b) {
  if (a.width != b.width || a.height != b.height || a.channels != b.channels || a.pixels.size() != b.pixels.size()) return 256;
  int largest = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) largest = std::max(largest, std::abs(a.pixels[i] - b.pixels[i]));
  return largest;
}

std::string big_endian(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8), static_cast<char>(value)};
}
/// A PNG header that claims a size, and nothing behind it but filler.
std::string png_claiming(uint32_t width, uint32_t height) {
  return image_text("rgb8.png").substr(0, 16) + big_endian(width) + big_endian(height) + image_text("rgb8.png").substr(24) + std::string(90'000, 'x');
}

/// A PNG of one row without filters.
std::string png_of(uint32_t width, int depth, int kind, const std::string& row, const std::string& transparent, const std::string& palette = {}) {
  const auto chunk = [](const std::string& type_and_data) {
    const auto sum = crc32(0, reinterpret_cast<const Bytef*>(type_and_data.data()), static_cast<uInt>(type_and_data.size()));
    return big_endian(static_cast<uint32_t>(type_and_data.size() - 4)) + type_and_data + big_endian(static_cast<uint32_t>(sum));
  };
  const std::string raw = std::string(1, '\0') + row;
  uLongf length = compressBound(raw.size());
  std::string packed(length, '\0');
  compress(reinterpret_cast<Bytef*>(packed.data()), &length, reinterpret_cast<const Bytef*>(raw.data()), raw.size());
  packed.resize(length);
  const std::string header = big_endian(width) + big_endian(1) + std::string({static_cast<char>(depth), static_cast<char>(kind), 0, 0, 0});
  std::string png = "\x89PNG\r\n\x1A\n" + chunk("IHDR" + header);
  if (!palette.empty()) png += chunk("PLTE" + palette);
  if (!transparent.empty()) png += chunk("tRNS" + transparent);
  return png + chunk("IDAT" + packed) + chunk("IEND");
}

int64_t status_kib(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(name + ":")) return std::stoll(line.substr(name.size() + 1));
  return 0;
}
/// How far memory in use rises above its start while `step` runs; 0 where the system does not tell.
int64_t peak_rise_mib(const std::function<void()>& step) {
  std::ofstream("/proc/self/clear_refs") << 5;  // forgets the peak so far
  const int64_t before = status_kib("VmRSS");
  step();
  return (status_kib("VmHWM") - before) / 1024;
}

}  // namespace

TEST_CASE("images equal Pillow's", "[io]") {
  const std::map<std::string, ImageMode> modes = {{"RGB", ImageMode::rgb}, {"L", ImageMode::gray}, {"RGBA", ImageMode::rgba}};
  const auto all = expected_images();
  REQUIRE(all.size() > 80);
  for (const auto& [file, mode, image] : all) {
    INFO(file << " " << mode);
    const bool lossy = file.ends_with(".jpg") || file.starts_with("lossy");  // the decoders' versions may differ there
    CHECK(largest_difference(read_image(fixture("images/" + file), modes.at(mode)), image) <= (lossy ? 2 : 0));
  }
  const Image tall = read_image(fixture("images/tall.png"));
  REQUIRE((tall.width == 1 && tall.height == 10'000));
  bool equal = true;
  for (size_t y = 0; y < 10'000; ++y)
    equal = equal && tall.pixels[3 * y] == y % 256 && tall.pixels[3 * y + 1] == 7 * y % 256 && tall.pixels[3 * y + 2] == y / 256;
  CHECK(equal);
}

TEST_CASE("every form of transparency is read", "[io]") {
  using Pixels = std::vector<uint8_t>;
  constexpr int kGray = 0, kRgb = 2, kPalette = 3, kGrayAlpha = 4, kRgba = 6;
  const auto bytes = [](std::initializer_list<int> values) {
    std::string text;
    for (const int value : values) text += static_cast<char>(value);
    return text;
  };
  const auto stored = [](const std::string& png) { return decode(png, ImageMode::stored); };
  SECTION("a palette of 4 bits, its first colours transparent") {
    const Image image = stored(png_of(3, 4, kPalette, bytes({0x01, 0x20}), bytes({0, 128}), bytes({1, 2, 3, 4, 5, 6, 7, 8, 9})));
    CHECK(image.channels == 4);
    CHECK(image.pixels == Pixels{1, 2, 3, 0, 4, 5, 6, 128, 7, 8, 9, 255});
  }
  SECTION("a palette without transparency has no alpha") {
    CHECK(stored(png_of(2, 4, kPalette, bytes({0x01}), {}, bytes({1, 2, 3, 4, 5, 6}))).pixels == Pixels{1, 2, 3, 4, 5, 6});
  }
  SECTION("grey and alpha, 8 and 16 bits") {
    CHECK(stored(png_of(2, 8, kGrayAlpha, bytes({9, 0, 8, 200}), {})).pixels == Pixels{9, 0, 8, 200});
    const std::string wide = png_of(2, 16, kGrayAlpha, bytes({0, 77, 0x80, 0x12, 0x30, 0, 0xFF, 0xFF}), {});
    CHECK(stored(wide).pixels == Pixels{0, 0x80, 0x30, 255});  // unlike grey alone, it keeps its high byte
    CHECK(decode(wide, ImageMode::rgba).pixels == Pixels{0, 0, 0, 0x80, 0x30, 0x30, 0x30, 255});
    CHECK(decode(wide, ImageMode::gray).pixels == Pixels{0, 0x30});
  }
  SECTION("one grey that is transparent, 4 and 16 bits") {
    CHECK(stored(png_of(2, 4, kGray, bytes({0x5F}), bytes({0, 5}))).pixels == Pixels{0x55, 0, 255, 255});
    CHECK(stored(png_of(2, 16, kGray, bytes({0, 7, 0, 8}), bytes({0, 7}))).pixels == Pixels{7, 0, 8, 255});
  }
  SECTION("one colour that is transparent, 8 and 16 bits: all bits of it count") {
    CHECK(stored(png_of(2, 8, kRgb, bytes({1, 2, 3, 1, 2, 4}), bytes({0, 1, 0, 2, 0, 3}))).pixels == Pixels{1, 2, 3, 0, 1, 2, 4, 255});
    CHECK(stored(png_of(2, 16, kRgb, bytes({1, 9, 2, 9, 3, 9, 1, 9, 2, 9, 3, 8}), bytes({1, 9, 2, 9, 3, 9}))).pixels == Pixels{1, 2, 3, 0, 1, 2, 3, 255});
  }
  SECTION("colour and alpha of 16 bits, and WebP") {
    CHECK(stored(png_of(1, 16, kRgba, bytes({10, 1, 20, 2, 30, 3, 40, 4}), {})).pixels == Pixels{10, 20, 30, 40});
    for (const char* file : {"lossless_alpha.webp", "lossy_alpha.webp", "rgba8.png", "rgba16.png", "trns_palette.png"}) {
      INFO(file);
      CHECK(stored(image_text(file)).channels == 4);
      CHECK(stored(image_text(file)).pixels == decode(image_text(file), ImageMode::rgba).pixels);
    }
  }
  SECTION("what has no alpha gets none") {
    for (const auto& [file, channels] : std::map<std::string, int64_t>{{"rgb420.jpg", 3}, {"gray.jpg", 1}, {"cmyk.jpg", 3}, {"gray16.png", 1}, {"rgb16.png", 3}, {"lossy.webp", 3}, {"exif6.jpg", 1}}) {
      INFO(file);
      CHECK(stored(image_text(file)).channels == channels);
      CHECK(stored(image_text(file)).pixels == decode(image_text(file), channels == 1 ? ImageMode::gray : ImageMode::rgb).pixels);
    }
  }
}

TEST_CASE("probe_image", "[io]") {
  SECTION("needs the header alone") {
    const std::map<std::string, std::pair<ImageFormat, size_t>> files = {
        {"rgb420.jpg", {ImageFormat::jpeg, 200}}, {"rgb16.png", {ImageFormat::png, 33}}, {"lossless.webp", {ImageFormat::webp, 40}}};
    for (const auto& [file, known] : files) {
      INFO(file);
      const std::string text = image_text(file).substr(0, known.second);
      const ImageInfo info = probe_image(bytes_of(text), "test");
      CHECK((info.format == known.first && info.width == 13 && info.height == 7));
      CHECK_THROWS_AS(decode(text), DataError);
    }
  }
  SECTION("gives the size as stored") {
    CHECK(probe_image(fixture("images/exif6.jpg")).width == 13);
    CHECK(read_image(fixture("images/exif6.jpg")).width == 7);
  }
}

TEST_CASE("images beyond the limits are refused in the header", "[io]") {
  const auto refused = [](const std::string& text, const ImageLimits& limits = {}) {
    int64_t rise = 0;
    rise = peak_rise_mib([&] { CHECK_THROWS_WITH(decode(text, ImageMode::rgb, limits), ContainsSubstring("pixels, got ")); });
    CHECK(rise <= 16);
  };
  SECTION("PNG") {
    refused(png_claiming(65'535, 65'535));
    refused(png_claiming(0x7FFFFFFF, 1));
    refused(png_claiming(0xFFFFFFFF, 0xFFFFFFFF));
    refused(png_claiming(25'000'001, 1));
    refused(png_claiming(0, 5));
    CHECK_NOTHROW(probe_image(bytes_of(png_claiming(25'000'000, 1)), "test"));
  }
  SECTION("JPEG") {
    std::string text = image_text("gray.jpg");
    const size_t frame = text.find("\xFF\xC0");
    text.replace(frame + 5, 4, "\xFF\xDC\xFF\xDC");
    refused(text);
    text.replace(frame + 5, 4, std::string("\0\0\0\5", 4));  // a height that only a later marker would tell
    refused(text);
  }
  SECTION("WebP") {
    std::string text = image_text("lossless_alpha.webp");
    const size_t size = text.find("VP8L") + 9;
    text.replace(size, 4, std::string("\xFF\xFF\xFF\x1F", 4));  // 14 bits each of width - 1 and height - 1
    refused(text);
  }
  SECTION("an option of the caller") { refused(image_text("rgb8.png"), {.max_pixels = 13 * 7 - 1}); }
}

TEST_CASE("JPEG scans are counted before decoding", "[io]") {
  const std::string text = image_text("progressive.jpg");
  int64_t scans = 0;
  size_t last = 0;
  for (size_t at = text.find("\xFF\xDA"); at != std::string::npos; at = text.find("\xFF\xDA", at + 2)) ++scans, last = at;
  REQUIRE(scans > 3);
  CHECK_NOTHROW(decode(text, ImageMode::rgb, {.max_scans = scans}));
  CHECK_THROWS_WITH(decode(text, ImageMode::rgb, {.max_scans = scans - 1}), ContainsSubstring("scans, got " + std::to_string(scans)));
  const std::string scan = text.substr(last, text.size() - 2 - last);
  for (const int64_t wanted : {1001, 80'000}) {
    std::string many = text.substr(0, text.size() - 2);
    for (int64_t i = scans; i < wanted; ++i) many += scan;
    many += "\xFF\xD9";
    CHECK_THROWS_WITH(decode(many), ContainsSubstring("at most 1000 scans, got " + std::to_string(wanted)));
  }
}

TEST_CASE("damaged images are refused", "[io]") {
  SECTION("cut at each percent and in the last bytes") {
    std::map<std::string, bool> seen;
    for (const auto& expected : expected_images()) {
      if (!seen.emplace(expected.file, true).second) continue;
      INFO(expected.file);
      const std::string text = image_text(expected.file);
      for (size_t percent = 0; percent < 100; ++percent) {
        INFO(percent << " %");
        CHECK_THROWS_AS(decode(std::string_view(text).substr(0, text.size() * percent / 100)), DataError);
      }
      for (size_t missing = 1; missing <= 16; ++missing) CHECK_THROWS_AS(decode(std::string_view(text).substr(0, text.size() - missing)), DataError);
    }
  }
  SECTION("a hole that decoders fill with grey") {
    std::string text = image_text("restarts.jpg");
    const size_t restart = text.find("\xFF\xD0");
    REQUIRE(restart != std::string::npos);
    CHECK_THROWS_AS(decode(text.substr(0, restart - 12) + text.substr(restart)), DataError);
  }
  SECTION("every flipped bit: refused or an image, whatever it shows") {
    size_t refused = 0, total = 0;
    for (const char* file : {"rgb420.jpg", "cmyk.jpg", "exif6.jpg", "interlaced_palette4.png", "exif6.png", "lossy_alpha.webp", "exif8.webp"}) {
      std::string text = image_text(file);
      for (size_t bit = 0; bit < text.size() * 8; ++bit, ++total) {
        text[bit / 8] = static_cast<char>(text[bit / 8] ^ 1 << bit % 8);
        try {
          const Image image = decode(text, ImageMode::rgba, {.max_pixels = 4096});
          if (image.pixels.size() != static_cast<size_t>(image.width * image.height * 4)) FAIL(file << " bit " << bit);
        } catch (const DataError&) {
          ++refused;
        }
        text[bit / 8] = static_cast<char>(text[bit / 8] ^ 1 << bit % 8);
      }
    }
    CHECK(refused > total / 4);
  }
  SECTION("any flipped bit of a PNG is found by its check sums") {
    std::string text = image_text("rgb8.png");
    for (size_t bit = 0; bit < text.size() * 8; ++bit) {
      text[bit / 8] = static_cast<char>(text[bit / 8] ^ 1 << bit % 8);
      CHECK_THROWS_AS(decode(text), DataError);
      text[bit / 8] = static_cast<char>(text[bit / 8] ^ 1 << bit % 8);
    }
  }
  SECTION("no still image") { CHECK_THROWS_WITH(decode(image_text("animation.webp")), ContainsSubstring("animation")); }
}

TEST_CASE("files that are no images", "[io]") {
  TempDir folder;
  SECTION("content decides, not the name") {
    write(folder / "a.jpg", image_text("rgb8.png"));
    CHECK(read_image(folder / "a.jpg").width == 13);
    write(folder / "text.jpg", "a text, nothing else");
    CHECK_THROWS_WITH(read_image(folder / "text.jpg"), ContainsSubstring("text.jpg") && ContainsSubstring("starts with: 61 20 74 65"));
    CHECK_THROWS_AS(read_image(folder / "text.jpg"), DataError);
    write(folder / "empty.png", "");
    CHECK_THROWS_WITH(read_image(folder / "empty.png"), ContainsSubstring("starts with: nothing"));
  }
  SECTION("what is no regular file") {
    CHECK_THROWS_WITH(read_image(folder.path()), ContainsSubstring("got a folder"));
    CHECK_THROWS_AS(read_image(folder.path()), IoError);
    CHECK_THROWS_AS(read_image(folder / "missing.png"), IoError);
    CHECK_THROWS_WITH(probe_image(folder / "missing.png"), ContainsSubstring("missing.png") && ContainsSubstring("No such file"));
    REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
    CHECK_THROWS_AS(read_image(folder / "pipe"), IoError);  // and does not wait for a writer
    CHECK_THROWS_AS(read_image("/dev/zero"), IoError);
  }
  SECTION("a sparse file of 2 TB") {
    write(folder / "sparse.png", image_text("rgb8.png"));
    std::error_code unsupported;
    std::filesystem::resize_file(folder / "sparse.png", uintmax_t{1} << 41, unsupported);
    if (!unsupported) {
      CHECK_THROWS_WITH(read_image(folder / "sparse.png"), ContainsSubstring("bytes, got 2199023255552"));
      CHECK(probe_image(folder / "sparse.png").height == 7);
    }
  }
}

TEST_CASE("encode_png", "[io]") {
  SECTION("reads back equal") {
    for (const int64_t channels : {1, 3, 4}) {
      Image image{.width = 5, .height = 3, .channels = channels};
      for (int64_t i = 0; i < 15 * channels; ++i) image.pixels.push_back(static_cast<uint8_t>(37 * i));
      const ImageMode mode = channels == 1 ? ImageMode::gray : channels == 3 ? ImageMode::rgb : ImageMode::rgba;
      CHECK(largest_difference(decode(encode_png(image), mode), image) == 0);
    }
    const Image gray_alpha{.width = 1, .height = 2, .channels = 2, .pixels = {10, 20, 30, 40}};
    CHECK(decode(encode_png(gray_alpha), ImageMode::rgba).pixels == std::vector<uint8_t>{10, 10, 10, 20, 30, 30, 30, 40});
  }
  SECTION("names sizes that disagree") {
    CHECK_THROWS_WITH(encode_png({.width = 2, .height = 2, .channels = 3, .pixels = {1, 2, 3}}), ContainsSubstring("2 x 2 x 3 bytes, got 3"));
    CHECK_THROWS_AS(encode_png({}), ShapeError);
    CHECK_THROWS_AS(encode_png({.width = 1, .height = 1, .channels = 5, .pixels = {1, 2, 3, 4, 5}}), ShapeError);
  }
}
