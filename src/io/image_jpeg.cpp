// SPDX-License-Identifier: Apache-2.0
#include "io/detail/image_codecs.hpp"

#include <algorithm>
#include <cstdio>
// after <cstdio>, which they need
#include <jpeglib.h>
// jpeglib.h first
#include <jerror.h>

namespace alloy::detail {

namespace {

struct JpegParts {
  ImageInfo info = {.format = ImageFormat::jpeg};
  int64_t scans = 0;
  Bytes exif;
};

enum class Walk { to_frame, to_end };

bool is_frame(uint32_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

/// Where the entropy-coded data that starts at `at` ends: at a marker that is neither a stuffed zero nor a restart.
size_t end_of_scan(Bytes bytes, size_t at) {
  while (at < bytes.size()) {
    const void* found = std::memchr(bytes.data() + at, 0xFF, bytes.size() - at);
    if (found == nullptr) break;
    at = static_cast<size_t>(static_cast<const std::byte*>(found) - bytes.data());
    if (at + 1 >= bytes.size()) break;
    const uint32_t next = byte_at(bytes, at + 1);
    if (next != 0x00 && next != 0xFF && !(next >= 0xD0 && next <= 0xD7)) return at;
    at += next == 0xFF ? 1 : 2;
  }
  return bytes.size();
}

/// Follows the segments from start to end marker without decoding: size, number of scans and whether the end is missing
/// are known before any memory is taken.
JpegParts walk_jpeg(Bytes bytes, std::string_view where, Walk walk) {
  JpegParts parts;
  bool framed = false;
  size_t at = 2;
  const auto need = [&](bool condition) {
    check<DataError>(condition, "[{}] expected a whole JPEG, got one that is cut or damaged at byte {}", {where, std::min(at, bytes.size())});
  };
  while (true) {
    need(at + 1 < bytes.size() && byte_at(bytes, at) == 0xFF);
    while (at < bytes.size() && byte_at(bytes, at) == 0xFF) ++at;
    need(at < bytes.size());
    const uint32_t marker = byte_at(bytes, at++);
    if (marker == 0xD9) break;
    if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD7)) continue;
    need(marker != 0x00 && marker != 0xD8 && at + 2 <= bytes.size());
    const size_t length = big16(bytes, at);
    need(length >= 2 && length <= bytes.size() - at);
    if (is_frame(marker)) {
      need(length >= 8 && !framed);
      framed = true;
      parts.info.height = big16(bytes, at + 3);
      parts.info.width = big16(bytes, at + 5);
      if (walk == Walk::to_frame) return parts;
    }
    if (marker == 0xE1 && parts.exif.empty() && text_at(bytes, at + 2, std::string_view("Exif\0\0", 6)))
      parts.exif = bytes.subspan(at + 2, length - 2);
    at += length;
    if (marker == 0xDA) {
      ++parts.scans;
      at = end_of_scan(bytes, at);
    }
  }
  need(framed && parts.scans > 0);
  return parts;
}

struct JpegDecoder {
  jpeg_error_mgr errors = {};  // first member: libjpeg hands it back
  JumpTarget jump;
  jpeg_decompress_struct info = {};

  JpegDecoder() {
    info.err = jpeg_std_error(&errors);
    info.client_data = this;
    errors.error_exit = [](j_common_ptr common) { of(common).stop(); };
    errors.output_message = [](j_common_ptr) {};
    // libjpeg goes on after a warning with grey or repeated blocks; only two of them leave the pixels as they are.
    errors.emit_message = [](j_common_ptr common, int level) {
      const int code = common->err->msg_code;
      if (level < 0 && code != JWRN_ADOBE_XFORM && code != JWRN_JFIF_MAJOR) of(common).stop();
    };
  }
  ~JpegDecoder() { jpeg_destroy_decompress(&info); }
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

 private:
  static JpegDecoder& of(j_common_ptr common) { return *static_cast<JpegDecoder*>(common->client_data); }
  [[noreturn]] void stop() {
    static_assert(sizeof jump.message >= JMSG_LENGTH_MAX);
    errors.format_message(reinterpret_cast<j_common_ptr>(&info), jump.message);
    jump.jump();
  }
};

/// Adobe programs store CMYK inverted, and practically all such files come from them.
void rgb_of_inverted_cmyk(const uint8_t* cmyk, uint8_t* rgb, int64_t width) {
  for (int64_t x = 0; x < width; ++x, cmyk += 4, rgb += 3)
    for (int c = 0; c < 3; ++c) {
      const int black = cmyk[3];
      const int product = (255 - cmyk[c]) * black + 128;
      rgb[c] = static_cast<uint8_t>(std::max(0, black - ((product + (product >> 8)) >> 8)));
    }
}

}  // namespace

ImageInfo probe_jpeg(Bytes bytes, std::string_view where) { return walk_jpeg(bytes, where, Walk::to_frame).info; }

StoredImage decode_jpeg(Bytes bytes, std::string_view where, const ImageLimits& limits) {
  const JpegParts parts = walk_jpeg(bytes, where, Walk::to_end);
  check<DataError>(parts.scans <= limits.max_scans, "[{}] expected a JPEG of at most {} scans, got {}", {where, limits.max_scans, parts.scans});

  JpegDecoder decoder;  // see Note [Long jumps]
  jpeg_decompress_struct& info = decoder.info;
  const auto run = [&](auto step) {
    if (!decoder.jump.run(step)) fail<DataError>("[{}] expected a whole JPEG, got: {}", {where, std::string_view(decoder.jump.message)});
  };
  run([&] {
    jpeg_create_decompress(&info);
    info.client_data = &decoder;
    jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<unsigned long>(bytes.size()));
    jpeg_read_header(&info, TRUE);
    if (info.num_components == 4) info.out_color_space = JCS_CMYK;
    if (info.num_components == 3) info.out_color_space = JCS_RGB;
    jpeg_start_decompress(&info);
  });
  const int stored = info.output_components;
  check<DataError>(stored == 1 || stored == 3 || stored == 4, "[{}] expected a JPEG of 1, 3 or 4 components, got {}", {where, stored});
  check<DataError>(info.output_width == parts.info.width && info.output_height == parts.info.height, "[{}] expected a JPEG of one size", {where});

  StoredImage result{.image = {.width = parts.info.width, .height = parts.info.height, .channels = stored == 1 ? 1 : 3},
                     .orientation = exif_orientation(parts.exif)};
  const size_t row_size = static_cast<size_t>(result.image.width * result.image.channels);
  result.image.pixels.resize(row_size * static_cast<size_t>(result.image.height));
  std::vector<uint8_t> cmyk(stored == 4 ? static_cast<size_t>(result.image.width) * 4 : 0);
  run([&] {
    while (info.output_scanline < info.output_height) {
      uint8_t* row = result.image.pixels.data() + row_size * info.output_scanline;
      JSAMPROW target = stored == 4 ? cmyk.data() : row;
      jpeg_read_scanlines(&info, &target, 1);
      if (stored == 4) rgb_of_inverted_cmyk(cmyk.data(), row, info.output_width);
    }
    jpeg_finish_decompress(&info);
  });
  return result;
}

}  // namespace alloy::detail
