// SPDX-License-Identifier: Apache-2.0
#include "eval/detail/event_encoding.hpp"

#include <array>
#include <bit>

namespace alloy::detail {

namespace {

constexpr std::array<uint32_t, 256> make_crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0x82F63B78u : 0u);
    table[byte] = value;
  }
  return table;
}

template <class T>
void append_little_endian(std::string& out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
}

void append_masked_crc(std::string& out, std::string_view bytes) {
  append_little_endian(out, std::rotr(crc32c(bytes), 15) + 0xA282EAD8u);
}

/// Fields of a protobuf message, in the order in which they are added.
class Message {
 public:
  Message& integer(uint32_t field, int64_t value) {
    varint(field << 3);
    varint(static_cast<uint64_t>(value));
    return *this;
  }
  Message& fixed(uint32_t field, double value) {
    varint(field << 3 | 1);
    append_little_endian(bytes_, std::bit_cast<uint64_t>(value));
    return *this;
  }
  Message& fixed(uint32_t field, float value) {
    varint(field << 3 | 5);
    append_little_endian(bytes_, std::bit_cast<uint32_t>(value));
    return *this;
  }
  Message& bytes(uint32_t field, std::string_view value) {
    varint(field << 3 | 2);
    varint(value.size());
    bytes_.append(value);
    return *this;
  }
  Message& message(uint32_t field, const Message& value) { return bytes(field, value.bytes_); }
  const std::string& bytes() const { return bytes_; }

 private:
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }
  std::string bytes_;
};

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  static constexpr auto kTable = make_crc_table();
  uint32_t crc = ~0u;
  for (const char c : bytes) crc = kTable[(crc ^ static_cast<unsigned char>(c)) & 0xFF] ^ (crc >> 8);
  return ~crc;
}

std::string record_frame(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() + 16);
  append_little_endian(out, static_cast<uint64_t>(bytes.size()));
  append_masked_crc(out, out);
  out.append(bytes);
  append_masked_crc(out, bytes);
  return out;
}

std::string version_event(double wall_time) { return Message().fixed(1, wall_time).bytes(3, "brain.Event:2").bytes(); }

std::string summary_event(double wall_time, int64_t step, std::string_view summary_value) {
  Message event;
  event.fixed(1, wall_time);
  if (step != 0) event.integer(2, step);
  return event.message(5, Message().bytes(1, summary_value)).bytes();
}

std::string scalar_value(std::string_view tag, float value) { return Message().bytes(1, tag).fixed(2, value).bytes(); }

std::string image_value(std::string_view tag, int64_t height, int64_t width, int64_t channels, std::string_view png) {
  return Message().bytes(1, tag).message(4, Message().integer(1, height).integer(2, width).integer(3, channels).bytes(4, png)).bytes();
}

// A tensor of one string, which its metadata gives to the page's plugin for texts.
std::string text_value(std::string_view tag, std::string_view text) {
  constexpr int64_t kStringType = 7;
  const Message shape = Message().message(2, Message().integer(1, 1));
  const Message tensor = Message().integer(1, kStringType).message(2, shape).bytes(8, text);
  const Message metadata = Message().message(1, Message().bytes(1, "text"));
  return Message().bytes(1, tag).message(8, tensor).message(9, metadata).bytes();
}

}  // namespace alloy::detail
