// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What is read of a video file, and how much at most.

#include <alloy/core/options.hpp>

#include <array>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

namespace alloy {

struct VideoLimits {
  int64_t max_pixels = 25'000'000;               ///< of a stored frame, checked before it is decoded
  int64_t max_frames = 1'000'000;                ///< decoded, kept or not
  int64_t max_decoded_pixels = 500'000'000'000;  ///< over all frames decoded, about an hour of 1080p: bounds the time
  double max_seconds = 4 * 3600;                 ///< from the first time to the last, kept or not
  int64_t max_bytes = int64_t{4} << 30;          ///< of the frames and the sound that are kept, checked as they come
  int64_t max_file_bytes = int64_t{16} << 30;
};

/// refuse: a packet or frame that is damaged, or times that do not ascend, are a DataError. skip: what is damaged is left out; for
/// recordings such as broadcasts that begin in the middle.
enum class VideoDamage { refuse, skip };
constexpr auto enum_names(VideoDamage) {
  return std::to_array<std::pair<VideoDamage, std::string_view>>({{VideoDamage::refuse, "refuse"}, {VideoDamage::skip, "skip"}});
}
enum class VideoSound { read, leave };
constexpr auto enum_names(VideoSound) {
  return std::to_array<std::pair<VideoSound, std::string_view>>({{VideoSound::read, "read"}, {VideoSound::leave, "leave"}});
}

struct VideoOptions {
  double start_seconds = -std::numeric_limits<double>::infinity();
  double stop_seconds = std::numeric_limits<double>::infinity();
  int64_t width = 0;
  int64_t height = 0;
  VideoSound sound = VideoSound::read;
  VideoDamage damage = VideoDamage::refuse;
  double sound_slack_seconds = 0.004;
  static void describe(auto& self, auto&& field) {
    field("start_seconds", self.start_seconds, "frames and samples before this presentation time are left out");
    field("stop_seconds", self.stop_seconds, "and those from this time on; decoding ends there");
    field("width", self.width, "of the frames, resized (bicubic, the sides each on its own); 0 with height 0 = as stored");
    field("height", self.height, "of the frames; 0 with width 0 = as stored");
    field("sound", self.sound, "whether the sound is read");
    field("damage", self.damage, "what becomes of damaged parts");
    field("sound_slack_seconds", self.sound_slack_seconds,
          "how far the stated time of sound may lie from where its samples end up, >= 0; beyond, silence fills the gap, or what overlaps is dropped");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

}  // namespace alloy
