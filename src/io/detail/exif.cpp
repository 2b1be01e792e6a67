// SPDX-License-Identifier: Apache-2.0
#include "io/detail/image_codecs.hpp"

namespace alloy::detail {

int exif_orientation(Bytes exif) {
  constexpr uint32_t kOrientationTag = 0x0112, kShort = 3, kLong = 4;
  if (text_at(exif, 0, std::string_view("Exif\0\0", 6))) exif = exif.subspan(6);
  const bool little = text_at(exif, 0, "II");
  if (exif.size() < 8 || (!little && !text_at(exif, 0, "MM"))) return 1;
  const auto number16 = [&](size_t at) { return little ? little16(exif, at) : big16(exif, at); };
  const auto number32 = [&](size_t at) { return little ? little32(exif, at) : big32(exif, at); };
  if (number16(2) != 42) return 1;
  const size_t directory = number32(4);
  if (directory > exif.size() - 2) return 1;
  const size_t count = number16(directory);
  for (size_t i = 0; i < count; ++i) {
    const size_t entry = directory + 2 + i * 12;  // tag, type, count, value
    if (entry + 12 > exif.size()) return 1;
    if (number16(entry) != kOrientationTag) continue;
    const uint32_t type = number16(entry + 2);
    if (number32(entry + 4) != 1 || (type != kShort && type != kLong)) return 1;
    const uint32_t value = type == kShort ? number16(entry + 8) : number32(entry + 8);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

}  // namespace alloy::detail
