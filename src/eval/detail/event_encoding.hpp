// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The bytes of TensorBoard's event files: protobuf messages of event.proto and summary.proto, written by hand, and TFRecord
/// frames around them (tensorflow/core/lib/io/record_writer.h).

#include <cstdint>
#include <string>
#include <string_view>

namespace alloy::detail {

/// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), as in RFC 3720, appendix B.4.
uint32_t crc32c(std::string_view bytes);

/// Length, masked CRC of the length, the bytes, masked CRC of the bytes; little-endian.
std::string record_frame(std::string_view bytes);

/// The message Event: when, at which step, and one of its contents. A step of 0 is left out, as protobuf does.
std::string version_event(double wall_time);
std::string summary_event(double wall_time, int64_t step, std::string_view summary_value);

/// The message Summary.Value of one kind. Tags are valid UTF-8.
std::string scalar_value(std::string_view tag, float value);
std::string image_value(std::string_view tag, int64_t height, int64_t width, int64_t channels, std::string_view png);
std::string text_value(std::string_view tag, std::string_view text);

}  // namespace alloy::detail
