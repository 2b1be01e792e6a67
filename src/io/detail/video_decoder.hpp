// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Video files by FFmpeg's libraries, without LibTorch.

#include <alloy/io/file.hpp>
#include <alloy/io/video_options.hpp>

#include <array>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>
}

namespace alloy::detail {

/// FFmpeg's messages go to the standard error output. They are off while any of these lives; the level is the process's own.
class QuietFfmpeg {
 public:
  QuietFfmpeg();
  ~QuietFfmpeg();
  QuietFfmpeg(const QuietFfmpeg&) = delete;
  QuietFfmpeg& operator=(const QuietFfmpeg&) = delete;
};

template <auto kFree>
struct FreeBy {
  template <class T>
  void operator()(T* pointer) const {
    kFree(&pointer);
  }
};
using CodecContext = std::unique_ptr<AVCodecContext, FreeBy<avcodec_free_context>>;
using FramePointer = std::unique_ptr<AVFrame, FreeBy<av_frame_free>>;
using PacketPointer = std::unique_ptr<AVPacket, FreeBy<av_packet_free>>;

/// FFmpeg's name of the format that the first bytes of a file tell, or null.
const char* video_format(const InputFile& file);
/// FFmpeg takes what there is of a file that was cut. @throws DataError if its outermost parts claim more than the file holds
void check_video_is_whole(const InputFile& file, std::string_view format);

/// What an error number of FFmpeg means.
std::string ffmpeg_text(int error);

/// An open file, its demuxer and the decoders of its first video and sound. Reads the file by position, and opens nothing else.
class VideoSource {
 public:
  VideoSource(const std::filesystem::path& path, const VideoOptions& options, const VideoLimits& limits);
  ~VideoSource();
  VideoSource(const VideoSource&) = delete;
  VideoSource& operator=(const VideoSource&) = delete;

  /// The next packet of either stream; false at the end. @throws what reading the file threw, or DataError
  bool next(AVPacket& packet);
  AVStream& video() const { return *format_->streams[video_]; }
  AVStream* sound() const { return sound_ < 0 ? nullptr : format_->streams[sound_]; }
  AVCodecContext& video_decoder() const { return *video_decoder_; }
  AVCodecContext* sound_decoder() const { return sound_decoder_.get(); }
  const std::string& where() const { return where_; }
  /// How the picture is to be turned: x' = a x + c y, y' = b x + d y with a, b, c, d in -1, 0, 1.
  std::array<int, 4> orientation() const;

 private:
  void open(const VideoLimits& limits);
  CodecContext open_decoder(int stream, const VideoOptions& options, const VideoLimits& limits) const;
  void rethrow() const;
  static int read(void* self, uint8_t* out, int size);
  static int64_t seek(void* self, int64_t offset, int whence);

  QuietFfmpeg quiet_;
  InputFile file_;
  std::string where_;
  VideoDamage damage_;
  int64_t position_ = 0;
  std::exception_ptr failure_;  // what the file threw below FFmpeg's frames, which exceptions must not cross
  AVFormatContext* format_ = nullptr;
  AVIOContext* access_ = nullptr;
  CodecContext video_decoder_, sound_decoder_;
  int video_ = -1, sound_ = -1;
};

/// Bytes that grow without being copied where the system can move pages.
class GrowingBytes {
 public:
  GrowingBytes() = default;
  ~GrowingBytes() { std::free(data_); }
  GrowingBytes(const GrowingBytes&) = delete;
  GrowingBytes& operator=(const GrowingBytes&) = delete;
  uint8_t* append(size_t count);  ///< @throws std::bad_alloc
  size_t size() const { return size_; }
  uint8_t* release() { return std::exchange(data_, nullptr); }  ///< to be given to std::free

 private:
  uint8_t* data_ = nullptr;
  size_t size_ = 0, capacity_ = 0;
};

struct RawVideo {
  int64_t height = 0, width = 0;
  GrowingBytes pixels;  ///< [F, 3, H, W]
  std::vector<double> times;
  std::vector<std::vector<float>> sound;  ///< one a channel
  double sound_start = 0;
  int64_t sound_rate = 0;
};
void decode_video(RawVideo& out, const std::filesystem::path& path, const VideoOptions& options, const VideoLimits& limits);

/// Decoded frames to upright RGB planes.
class FramePainter {
 public:
  FramePainter(std::array<int, 4> orientation, const VideoOptions& options, const VideoLimits& limits);
  ~FramePainter();
  FramePainter(const FramePainter&) = delete;
  FramePainter& operator=(const FramePainter&) = delete;
  /// Appends a frame to `out`, the first of which fixes height and width.
  void paint(const AVFrame& frame, RawVideo& out, const std::string& where);

 private:
  std::array<int, 4> turn_;
  int64_t width_, height_, max_bytes_;
  SwsContext* scaler_ = nullptr;
  FramePointer scaled_;
};

/// Samples on one time line, without gaps.
class SoundLine {
 public:
  SoundLine(const VideoOptions& options, const VideoLimits& limits) : options_(options), limits_(limits) {}
  /// @param seconds  stated time of the frame's first sample; NaN = where the one before ended
  void add(const AVFrame& frame, double seconds, RawVideo& out, const std::string& where);
  bool done() const { return done_; }

 private:
  void add_silence(int64_t count, RawVideo& out);
  const VideoOptions& options_;
  const VideoLimits& limits_;
  bool done_ = false;
  double start_ = 0;           // time of sample 0
  int64_t count_ = 0;          // samples so far, kept or not
  int64_t from_ = 0, to_ = 0;  // those that are kept
};

}  // namespace alloy::detail
