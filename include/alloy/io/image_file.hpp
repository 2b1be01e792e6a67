// SPDX-License-Identifier: Apache-2.0
#pragma once

/// JPEG, PNG and WebP images to 8-bit pixels, and pixels to PNG. The format is told by the content, never by the file
/// name. Pixels equal those of Pillow's `ImageOps.exif_transpose(Image.open(f)).convert("RGB")` (or "L", "RGBA"): the
/// EXIF orientation is applied, alpha is dropped unless asked for, 16-bit grey without alpha is clipped at 255 and other
/// samples of 16 bits keep their high byte. Colour profiles and gamma are ignored. A damaged or cut file is refused, never
/// half an image.
/// Built without image files (ALLOY_WITH_IMAGE_FILES=OFF), every function here throws ConfigError.

#include <alloy/core/export.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace alloy {

/// A value: `pixels[(y * width + x) * channels + c]`, rows from top to bottom.
struct Image {
  int64_t width = 0;
  int64_t height = 0;
  int64_t channels = 0;
  std::vector<uint8_t> pixels = {};  ///< [height, width, channels]
};

struct ImageLimits {
  int64_t max_pixels = 25'000'000;               ///< checked in the header, before anything is decoded
  int64_t max_scans = 1000;                      ///< of a JPEG: each is a pass over the whole image
  int64_t max_file_bytes = int64_t{256} << 20;   ///< checked before the file is read
};

/// What `channels` become: 3, 1 or 4; or what the file has, 1 (grey), 2 (grey and alpha), 3 or 4.
enum class ImageMode { rgb, gray, rgba, stored };

enum class ImageFormat { jpeg, png, webp };

struct ImageInfo {
  ImageFormat format = ImageFormat::jpeg;
  int64_t width = 0;   ///< as stored, before the EXIF orientation is applied
  int64_t height = 0;
};

/// @throws IoError if the file cannot be read (missing, a folder, a pipe), DataError if it holds no whole image within
///         the limits; both name the path. Never blocks.
ALLOY_API Image read_image(const std::filesystem::path& path, ImageMode mode = ImageMode::rgb, const ImageLimits& limits = {});
/// @param where  what the bytes are (a file name), for messages
ALLOY_API Image decode_image(std::span<const std::byte> bytes, std::string_view where, ImageMode mode = ImageMode::rgb,
                             const ImageLimits& limits = {});
/// Format and size out of the header alone; the rest may be damaged or missing.
ALLOY_API ImageInfo probe_image(const std::filesystem::path& path, const ImageLimits& limits = {});
ALLOY_API ImageInfo probe_image(std::span<const std::byte> bytes, std::string_view where, const ImageLimits& limits = {});

/// The bytes of a PNG file.
/// @param image  1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA) channels, at least one pixel
/// @throws ShapeError if sizes and the number of pixels disagree
ALLOY_API std::string encode_png(const Image& image);

}  // namespace alloy
