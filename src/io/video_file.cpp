// SPDX-License-Identifier: Apache-2.0
#include <alloy/io/video_file.hpp>

#include "io/detail/video_decoder.hpp"

#include <ATen/Functions.h>

#include <algorithm>

namespace alloy {

Video read_video(const std::filesystem::path& path, const VideoOptions& options, const VideoLimits& limits) {
  options.validate();
  detail::RawVideo raw;
  detail::decode_video(raw, path, options, limits);
  const auto frames = std::ssize(raw.times);
  Video video{.frames = at::from_blob(
                  raw.pixels.release(), {frames, 3, raw.height, raw.width}, [](void* data) { std::free(data); }, at::kByte),
              .frame_times = at::tensor(at::ArrayRef<double>(raw.times), at::kDouble)};
  if (raw.sound.empty() || raw.sound[0].empty()) return video;
  video.sound = at::empty({std::ssize(raw.sound), std::ssize(raw.sound[0])}, at::kFloat);
  for (size_t c = 0; c < raw.sound.size(); ++c) std::ranges::copy(raw.sound[c], video.sound[static_cast<int64_t>(c)].mutable_data_ptr<float>());
  video.sound_start_seconds = raw.sound_start;
  video.sound_sample_rate_hz = raw.sound_rate;
  return video;
}

}  // namespace alloy
