// SPDX-License-Identifier: Apache-2.0
#include "io/detail/image_codecs.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <png.h>

namespace alloy::detail {

namespace {

constexpr size_t kSignatureSize = 8, kHeaderSize = 13, kChunkExtra = 12;  // length, type and check sum of a chunk

/// Follows the chunks from header to end without decoding, and gives the EXIF data met.
Bytes walk_png(Bytes bytes, std::string_view where) {
  Bytes exif;
  for (size_t at = kSignatureSize;;) {
    const bool fits = bytes.size() - at >= kChunkExtra && big32(bytes, at) <= bytes.size() - at - kChunkExtra;
    check<DataError>(fits, "[{}] expected a whole PNG, got one that is cut or damaged at byte {}", {where, at});
    const size_t length = big32(bytes, at);
    if (text_at(bytes, at + 4, "eXIf")) exif = bytes.subspan(at + 8, length);
    if (text_at(bytes, at + 4, "IEND")) return exif;
    at += length + kChunkExtra;
  }
}

[[noreturn]] void stop(png_structp png, png_const_charp message) {
  auto& jump = *static_cast<JumpTarget*>(png_get_error_ptr(png));
  std::strncpy(jump.message, message, sizeof jump.message - 1);
  jump.jump();
}
void ignore_warning(png_structp, png_const_charp) {}

struct PngReader {
  JumpTarget jump;
  png_structp png = nullptr;
  png_infop info = nullptr;
  Bytes left;

  explicit PngReader(Bytes bytes) : left(bytes) {}
  ~PngReader() { png_destroy_read_struct(&png, &info, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  static void read(png_structp png, png_bytep target, size_t count) {
    auto& self = *static_cast<PngReader*>(png_get_io_ptr(png));
    if (count > self.left.size()) png_error(png, "the data ends early");
    std::memcpy(target, self.left.data(), count);
    self.left = self.left.subspan(count);
  }
};

struct PngWriter {
  JumpTarget jump;
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::string text = {};

  PngWriter() = default;
  ~PngWriter() { png_destroy_write_struct(&png, &info); }
  PngWriter(const PngWriter&) = delete;
  PngWriter& operator=(const PngWriter&) = delete;

  static bool append(std::string& text, png_bytep data, size_t count) {
    try {
      text.append(reinterpret_cast<const char*>(data), count);
      return true;
    } catch (const std::bad_alloc&) {  // must not pass through libpng's frames
      return false;
    }
  }
  static void write(png_structp png, png_bytep data, size_t count) {
    if (!append(static_cast<PngWriter*>(png_get_io_ptr(png))->text, data, count)) png_error(png, "out of memory");
  }
};

/// Samples of 16 bits, as libpng gives them: grey is clipped, alpha keeps its high byte.
std::vector<uint8_t> clipped(const std::vector<uint8_t>& wide, int channels) {
  std::vector<uint8_t> narrow(wide.size() / 2);
  for (size_t i = 0; i < narrow.size(); ++i) {
    const bool is_alpha = channels == 2 && i % 2 == 1;
    const uint8_t high = wide[2 * i], low = wide[2 * i + 1];
    narrow[i] = is_alpha ? high : high == 0 ? low : 255;
  }
  return narrow;
}

}  // namespace

ImageInfo probe_png(Bytes bytes, std::string_view where) {
  const bool valid = bytes.size() >= kSignatureSize + 8 + kHeaderSize && big32(bytes, kSignatureSize) == kHeaderSize && text_at(bytes, kSignatureSize + 4, "IHDR");
  check<DataError>(valid, "[{}] expected a PNG header, got one that is cut or damaged", {where});
  return {.format = ImageFormat::png, .width = big32(bytes, kSignatureSize + 8), .height = big32(bytes, kSignatureSize + 12)};
}

StoredImage decode_png(Bytes bytes, std::string_view where, bool alpha) {
  const Bytes exif = walk_png(bytes, where);
  const ImageInfo size = probe_png(bytes, where);
  PngReader reader(bytes);  // see Note [Long jumps]
  png_structp& png = reader.png;
  png_infop& info = reader.info;
  const auto run = [&](auto step) {
    if (!reader.jump.run(step)) fail<DataError>("[{}] expected a whole PNG, got: {}", {where, std::string_view(reader.jump.message)});
  };
  run([&] {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader.jump, stop, ignore_warning);
    if (png != nullptr) info = png_create_info_struct(png);
  });
  if (png == nullptr || info == nullptr) throw std::bad_alloc();

  int channels = 0, depth = 0, passes = 0;
  size_t row_size = 0;
  run([&] {
    png_set_read_fn(png, &reader, PngReader::read);
    png_set_user_limits(png, 0x7FFFFFFF, 0x7FFFFFFF);                             // ours is on the number of pixels
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);        // text, profiles ... are skipped
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_read_info(png, info);
    const int kind = png_get_color_type(png, info);
    if (kind == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if (kind == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png, info) < 8) png_set_expand_gray_1_2_4_to_8(png);
    if (kind != PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png, info) == 16) png_set_strip_16(png);
    if (alpha && png_get_valid(png, info, PNG_INFO_tRNS) != 0) png_set_tRNS_to_alpha(png);
    passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    channels = png_get_channels(png, info);
    depth = png_get_bit_depth(png, info);
    row_size = png_get_rowbytes(png, info);
  });
  const bool expected = (depth == 8 || (depth == 16 && channels <= 2)) && row_size == static_cast<size_t>(size.width * channels * depth / 8);
  check<DataError>(expected, "[{}] expected PNG rows of {} pixels, got {} bytes of {} channels", {where, size.width, row_size, channels});

  std::vector<uint8_t> pixels(row_size * static_cast<size_t>(size.height));
  run([&] {
    for (int pass = 0; pass < passes; ++pass)
      for (int64_t y = 0; y < size.height; ++y) png_read_row(png, pixels.data() + static_cast<size_t>(y) * row_size, nullptr);
    png_read_end(png, nullptr);
  });
  if (depth == 16) pixels = clipped(pixels, channels);
  return {.image = {.width = size.width, .height = size.height, .channels = channels, .pixels = std::move(pixels)}, .orientation = exif_orientation(exif)};
}

}  // namespace alloy::detail

namespace alloy {

std::string encode_png(const Image& image) {
  constexpr int64_t kMaxSide = 0x7FFFFFFF;
  const auto& [width, height, channels, pixels] = image;
  check<ShapeError>(width >= 1 && height >= 1 && width <= kMaxSide && height <= kMaxSide && channels >= 1 && channels <= 4,
                    "[encode_png] expected an image of 1..4 channels, got {} x {} x {}", {width, height, channels});
  const size_t row_size = static_cast<size_t>(width) * static_cast<size_t>(channels);
  check<ShapeError>(pixels.size() % row_size == 0 && pixels.size() / row_size == static_cast<size_t>(height),
                    "[encode_png] expected {} x {} x {} bytes, got {}", {height, width, channels, pixels.size()});
  constexpr int kKinds[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};
  const int kind = kKinds[channels - 1];

  detail::PngWriter writer;  // see Note [Long jumps]
  const bool done = writer.jump.run([&] {
    writer.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &writer.jump, detail::stop, detail::ignore_warning);
    if (writer.png == nullptr) return;
    writer.info = png_create_info_struct(writer.png);
    if (writer.info == nullptr) return;
    png_set_write_fn(writer.png, &writer, detail::PngWriter::write, nullptr);
    png_set_user_limits(writer.png, 0x7FFFFFFF, 0x7FFFFFFF);
    png_set_IHDR(writer.png, writer.info, static_cast<png_uint_32>(image.width), static_cast<png_uint_32>(image.height), 8, kind,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(writer.png, writer.info);
    for (int64_t y = 0; y < image.height; ++y) png_write_row(writer.png, image.pixels.data() + static_cast<size_t>(y) * row_size);
    png_write_end(writer.png, nullptr);
  });
  if (writer.png == nullptr || writer.info == nullptr) throw std::bad_alloc();
  check<DataError>(done, "[encode_png] expected pixels that fit a PNG, got: {}", {std::string_view(writer.jump.message)});
  return std::move(writer.text);
}

}  // namespace alloy
