// SPDX-License-Identifier: Apache-2.0
#include <alloy/io/video_options.hpp>

#include <cmath>

namespace alloy {

void VideoOptions::validate() const {
  check<ConfigError>(start_seconds < stop_seconds, "[read_video] expected start_seconds < stop_seconds, got {} and {}",
                     {start_seconds, stop_seconds});
  constexpr int64_t kMaxSide = 16'384;
  check<ConfigError>((width == 0) == (height == 0) && width >= 0 && height >= 0 && width <= kMaxSide && height <= kMaxSide,
                     "[read_video] expected width and height in 1..{}, or 0 for both, got {} and {}", {kMaxSide, width, height});
  check<ConfigError>(sound_slack_seconds >= 0 && std::isfinite(sound_slack_seconds), "[read_video] expected sound_slack_seconds >= 0, got {}",
                     {sound_slack_seconds});
}

}  // namespace alloy
