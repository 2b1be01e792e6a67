// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Frames and sound of a video file, each with its presentation time in seconds, by FFmpeg's libraries: MP4 and MOV, Matroska and
/// WebM, AVI, MPEG-TS, Ogg and FLV; H.264, HEVC, VP8, VP9, AV1, MPEG-1, -2 and -4, Motion JPEG, Theora, FFV1 and raw pictures. The
/// format is told by the content, never by the file name; nothing but the file itself is opened.
/// Built without them (ALLOY_WITH_FFMPEG=OFF, the default), `read_video` throws ConfigError. Debian's FFmpeg is under the GPL: so
/// is then a program that is given to others together with it.

#include <alloy/core/tensor.hpp>
#include <alloy/io/video_options.hpp>

#include <filesystem>

namespace alloy {

/// Times are those that the file states: edit lists, offsets between the streams and variable frame rates are in them, and a first
/// time need not be 0 (MPEG-TS often starts at 1.4).
struct Video {
  Tensor frames;       ///< [F, 3, H, W] uint8 RGB on the CPU, F > 0, in order of presentation, turned upright where the file says so by quarters
  Tensor frame_times;  ///< [F] float64, strictly ascending
  Tensor sound;        ///< [C, N] float, -1..1; undefined if there is none in the range or it is not wanted
  double sound_start_seconds = 0;    ///< time of sound[:, 0]; sample n is at start + n / rate
  int64_t sound_sample_rate_hz = 0;  ///< 0 without sound
};

/// Decodes on one thread, from the start of the file on: a range far inside a long file costs the time of what lies before it.
/// MP4, MOV, AVI and Matroska say how long they are, so that one which was cut is refused; MPEG-TS, FLV, Ogg and a Matroska that was
/// streamed just end earlier.
/// Colours follow the matrix and range that the file states, else BT.601; other colour tags and pixels that are not square are
/// ignored. While a file is read, FFmpeg's own messages are off for the whole process.
/// @throws IoError if the file cannot be read (missing, a folder, a pipe); DataError if it is no such file, holds no frame in the
///         range, is damaged, or goes beyond a limit; both name the path. Never blocks.
ALLOY_API Video read_video(const std::filesystem::path& path, const VideoOptions& options = {}, const VideoLimits& limits = {});

}  // namespace alloy
