// SPDX-License-Identifier: Apache-2.0
#include <alloy/io/file.hpp>
#include <alloy/io/image_file.hpp>

#include "io/detail/image_codecs.hpp"

#include <algorithm>

namespace alloy {

namespace {

using detail::Bytes;

constexpr std::string_view kJpegStart = "\xFF\xD8\xFF", kPngStart = "\x89PNG\r\n\x1A\n";

/// The first bytes as a reader can compare them with a list of formats: `89 50 4e 47`.
std::string first_bytes_text(Bytes bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::byte b : bytes.first(std::min<size_t>(bytes.size(), 8))) {
    if (!text.empty()) text += ' ';
    text += kDigits[std::to_integer<size_t>(b) >> 4];
    text += kDigits[std::to_integer<size_t>(b) & 15];
  }
  return text.empty() ? "nothing" : text;
}

ImageFormat format_of(Bytes bytes, std::string_view where) {
  if (detail::text_at(bytes, 0, kJpegStart)) return ImageFormat::jpeg;
  if (detail::text_at(bytes, 0, kPngStart)) return ImageFormat::png;
  if (detail::text_at(bytes, 0, "RIFF") && detail::text_at(bytes, 8, "WEBP")) return ImageFormat::webp;
  fail<DataError>("[{}] expected a JPEG, PNG or WebP image, got a file that starts with: {}", {where, first_bytes_text(bytes)});
}

// Luma as ITU-R 601-2 in 16-bit fixed point, rounded.
uint8_t luma(const uint8_t* rgb) { return static_cast<uint8_t>((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16); }

Image in_mode(Image stored, ImageMode mode) {
  const int64_t from = stored.channels, to = mode == ImageMode::stored ? from : mode == ImageMode::gray ? 1 : mode == ImageMode::rgb ? 3 : 4;
  if (from == to) return stored;
  Image image{.width = stored.width, .height = stored.height, .channels = to};
  image.pixels.resize(static_cast<size_t>(stored.width * stored.height * to));
  uint8_t* out = image.pixels.data();
  const uint8_t* const end = stored.pixels.data() + stored.pixels.size();
  for (const uint8_t* in = stored.pixels.data(); in != end; in += from, out += to) {
    const bool is_gray = from <= 2;
    if (to == 1) {
      out[0] = is_gray ? in[0] : luma(in);
      continue;
    }
    for (int c = 0; c < 3; ++c) out[c] = is_gray ? in[0] : in[c];
    if (to == 4) out[3] = from % 2 == 0 ? in[from - 1] : 255;
  }
  return image;
}

/// Turns and mirrors so that the first row is the top: EXIF 2.3, tag Orientation.
Image upright(Image stored, int orientation) {
  if (orientation == 1) return stored;
  const bool swaps = orientation >= 5;
  const bool flips_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;  // of the stored image
  const bool flips_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Image image{.width = swaps ? stored.height : stored.width, .height = swaps ? stored.width : stored.height, .channels = stored.channels};
  image.pixels.resize(stored.pixels.size());
  uint8_t* out = image.pixels.data();
  for (int64_t y = 0; y < image.height; ++y)
    for (int64_t x = 0; x < image.width; ++x, out += image.channels) {
      const int64_t across = swaps ? y : x, down = swaps ? x : y;
      const int64_t from_x = flips_x ? stored.width - 1 - across : across;
      const int64_t from_y = flips_y ? stored.height - 1 - down : down;
      std::copy_n(stored.pixels.data() + (from_y * stored.width + from_x) * stored.channels, stored.channels, out);
    }
  return image;
}

}  // namespace

ImageInfo probe_image(Bytes bytes, std::string_view where, const ImageLimits& limits) {
  const ImageFormat format = format_of(bytes, where);
  const ImageInfo info = format == ImageFormat::jpeg  ? detail::probe_jpeg(bytes, where)
                         : format == ImageFormat::png ? detail::probe_png(bytes, where)
                                                      : detail::probe_webp(bytes, where);
  check<DataError>(info.width > 0 && info.height > 0, "[{}] expected an image with pixels, got {} x {}", {where, info.width, info.height});
  check<DataError>(info.width <= limits.max_pixels / info.height, "[{}] expected an image of at most {} pixels, got {} x {}",
                   {where, limits.max_pixels, info.width, info.height});
  return info;
}

ImageInfo probe_image(const std::filesystem::path& path, const ImageLimits& limits) {
  constexpr int64_t kHeaderBytes = int64_t{1} << 20;  // a JPEG may carry profiles and previews before its size
  const InputFile file(path);
  std::vector<std::byte> head(std::min({file.size(), static_cast<uint64_t>(kHeaderBytes), static_cast<uint64_t>(limits.max_file_bytes)}));
  file.read(0, head);
  return probe_image(head, path.string(), limits);
}

Image decode_image(Bytes bytes, std::string_view where, ImageMode mode, const ImageLimits& limits) {
  const ImageInfo info = probe_image(bytes, where, limits);
  detail::StoredImage stored = info.format == ImageFormat::jpeg  ? detail::decode_jpeg(bytes, where, limits)
                               : info.format == ImageFormat::png ? detail::decode_png(bytes, where, mode == ImageMode::rgba || mode == ImageMode::stored)
                                                                 : detail::decode_webp(bytes, where);
  return upright(in_mode(std::move(stored.image), mode), stored.orientation);
}

Image read_image(const std::filesystem::path& path, ImageMode mode, const ImageLimits& limits) {
  return decode_image(read_binary_file(path, static_cast<uint64_t>(limits.max_file_bytes)), path.string(), mode, limits);
}

}  // namespace alloy
