// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What image_file.cpp asks of each format. `probe_*` reads sizes from the header; `decode_*` gives the image as stored
/// (1 grey, 2 grey and alpha, 3 RGB, 4 RGBA) after checking that no part of the file is missing, and its orientation.

#include <alloy/core/check.hpp>
#include <alloy/io/image_file.hpp>

#include <csetjmp>
#include <cstring>

namespace alloy::detail {

using Bytes = std::span<const std::byte>;

struct StoredImage {
  Image image;
  int orientation = 1;  ///< EXIF, 1..8
};

ImageInfo probe_jpeg(Bytes bytes, std::string_view where);
ImageInfo probe_png(Bytes bytes, std::string_view where);
ImageInfo probe_webp(Bytes bytes, std::string_view where);
/// The caller has probed the bytes and found the size within the limits.
StoredImage decode_jpeg(Bytes bytes, std::string_view where, const ImageLimits& limits);
/// @param alpha  whether a colour marked as transparent becomes an alpha channel
StoredImage decode_png(Bytes bytes, std::string_view where, bool alpha);
StoredImage decode_webp(Bytes bytes, std::string_view where);

/// The orientation in a block of EXIF data, with or without its "Exif\0\0"; 1 where there is none or it is damaged.
int exif_orientation(Bytes exif);

/// Unsigned numbers at a place the caller has checked.
inline uint32_t byte_at(Bytes bytes, size_t at) { return std::to_integer<uint32_t>(bytes[at]); }
inline uint32_t big16(Bytes bytes, size_t at) { return byte_at(bytes, at) << 8 | byte_at(bytes, at + 1); }
inline uint32_t big32(Bytes bytes, size_t at) { return big16(bytes, at) << 16 | big16(bytes, at + 2); }
inline uint32_t little16(Bytes bytes, size_t at) { return byte_at(bytes, at) | byte_at(bytes, at + 1) << 8; }
inline uint32_t little32(Bytes bytes, size_t at) { return little16(bytes, at) | little16(bytes, at + 2) << 16; }
inline bool text_at(Bytes bytes, size_t at, std::string_view text) {
  return at <= bytes.size() && text.size() <= bytes.size() - at && std::memcmp(bytes.data() + at, text.data(), text.size()) == 0;
}

/// Note [Long jumps]: libjpeg and libpng report errors by a function that must not return. It jumps back into `run`,
/// over frames of C and of one lambda. The jump runs no destructors, so such a lambda holds nothing but references and
/// numbers, and all that needs releasing is owned by an object outside `run`.
struct JumpTarget {
  std::jmp_buf place;
  char message[256] = "";
  [[noreturn]] void jump() { std::longjmp(place, 1); }
  /// @return false if the step ended in a jump
  template <class Step>
  bool run(Step&& step) {
    if (setjmp(place) != 0) return false;
    step();
    return true;
  }
};

}  // namespace alloy::detail
