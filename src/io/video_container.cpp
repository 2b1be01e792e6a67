// SPDX-License-Identifier: Apache-2.0
#include "io/detail/video_decoder.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace alloy::detail {

namespace {

/// The bytes at an offset; fewer at the end of the file.
std::vector<std::byte> bytes_at(const InputFile& file, uint64_t offset, uint64_t count) {
  if (offset >= file.size()) return {};
  std::vector<std::byte> bytes(static_cast<size_t>(std::min(count, file.size() - offset)));
  file.read(offset, bytes);
  return bytes;
}

bool text_at(const std::vector<std::byte>& bytes, size_t at, std::string_view text) {
  return at + text.size() <= bytes.size() && std::memcmp(bytes.data() + at, text.data(), text.size()) == 0;
}

uint64_t big(const std::vector<std::byte>& bytes, size_t at, size_t count) {
  uint64_t value = 0;
  for (size_t i = 0; i < count; ++i) value = value << 8 | std::to_integer<uint64_t>(bytes[at + i]);
  return value;
}

void check_fits(const InputFile& file, uint64_t at, uint64_t size, std::string_view what) {
  check<DataError>(at <= file.size() && size <= file.size() - at, "[{}] expected a {} of {} bytes at byte {}, got a file of {}: it is cut",
                   {file.path(), what, size, at, file.size()});
}

/// ISO/IEC 14496-12, section 4.2: boxes one after another, each with its size.
void check_boxes(const InputFile& file) {
  constexpr uint64_t kMaxBoxes = 1'000'000;
  for (uint64_t at = 0, count = 1; at < file.size(); ++count) {
    check<DataError>(count <= kMaxBoxes, "[{}] expected at most {} boxes, got more", {file.path(), kMaxBoxes});
    const auto head = bytes_at(file, at, 16);
    if (head.size() < 8) return;  // bytes behind the last box
    uint64_t size = big(head, 0, 4);
    if (size == 1 && head.size() == 16) size = big(head, 8, 8);
    if (size < 8) return;  // 0: to the end of the file
    check_fits(file, at, size, "box");
    at += size;
  }
}

/// RFC 8794, section 4: an element's size in one to eight bytes, as many as zeros lead; all ones: not known.
struct Length {
  size_t bytes = 0;
  uint64_t value = 0;
  bool known = false;
};
Length length_at(const std::vector<std::byte>& bytes, size_t at) {
  if (at >= bytes.size()) return {};
  const auto first = std::to_integer<uint8_t>(bytes[at]);
  const auto count = static_cast<size_t>(std::countl_zero(first)) + 1;
  if (count > 8 || at + count > bytes.size()) return {};
  const uint64_t mask = (uint64_t{1} << 7 * count) - 1, value = big(bytes, at, count) & mask;
  return {count, value, value != mask};
}

void check_segment(const InputFile& file) {
  constexpr size_t kMark = 4;  // bytes of the two identifiers
  const Length header = length_at(bytes_at(file, kMark, 8), 0);
  const uint64_t at = kMark + header.bytes + header.value;
  if (!header.known || header.value > file.size()) return;  // FFmpeg says what is wrong
  const auto segment = bytes_at(file, at, kMark + 8);
  const Length length = length_at(segment, kMark);
  if (text_at(segment, 0, "\x18\x53\x80\x67") && length.known) check_fits(file, at + kMark + length.bytes, length.value, "segment");
}

void check_riff(const InputFile& file) {
  const auto head = bytes_at(file, 0, 8);
  uint64_t size = 0;
  for (size_t i = 0; i < 4 && head.size() == 8; ++i) size |= std::to_integer<uint64_t>(head[4 + i]) << 8 * i;
  check_fits(file, 8, size, "chunk");
}

}  // namespace

const char* video_format(const InputFile& file) {
  const auto head = bytes_at(file, 0, 3 * 188);
  for (const std::string_view box : {"ftyp", "moov", "mdat", "free", "wide", "skip"})
    if (text_at(head, 4, box)) return "mov";
  if (text_at(head, 0, "\x1A\x45\xDF\xA3")) return "matroska";
  if (text_at(head, 0, "RIFF") && text_at(head, 8, "AVI ")) return "avi";
  if (text_at(head, 0, "OggS")) return "ogg";
  if (text_at(head, 0, "FLV\x01")) return "flv";
  if (text_at(head, 0, "\x47") && text_at(head, 188, "\x47") && text_at(head, 376, "\x47")) return "mpegts";
  return nullptr;
}

void check_video_is_whole(const InputFile& file, std::string_view format) {
  if (format == "mov") check_boxes(file);
  if (format == "matroska") check_segment(file);
  if (format == "avi") check_riff(file);
}

}  // namespace alloy::detail
