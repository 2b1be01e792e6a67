// SPDX-License-Identifier: Apache-2.0
// Stands in for the video_*.cpp in a build without FFmpeg's libraries.
#include <alloy/io/video_file.hpp>

namespace alloy {

Video read_video(const std::filesystem::path& path, const VideoOptions&, const VideoLimits&) {
  fail<ConfigError>("[{}] expected a build with video files, got one with ALLOY_WITH_FFMPEG=OFF: configure alloy with -DALLOY_WITH_FFMPEG=ON",
                    {path});
}

}  // namespace alloy
