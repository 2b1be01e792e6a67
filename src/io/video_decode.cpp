// SPDX-License-Identifier: Apache-2.0
#include "io/detail/video_decoder.hpp"

#include <cmath>
#include <limits>
#include <new>

namespace alloy::detail {

namespace {

/// Decodes packets in turn and hands their frames on.
class VideoRun {
 public:
  VideoRun(RawVideo& out, VideoSource& source, const VideoOptions& options, const VideoLimits& limits)
      : out_(out),
        source_(source),
        options_(options),
        limits_(limits),
        painter_(source.orientation(), options, limits),
        sound_(options, limits),
        frame_(av_frame_alloc()) {
    if (frame_ == nullptr) throw std::bad_alloc();
  }

  void run() {
    const PacketPointer packet(av_packet_alloc());
    if (packet == nullptr) throw std::bad_alloc();
    while (!(video_done_ && sound_done()) && source_.next(*packet)) decode(decoder_of(*packet), packet.get());
    if (!video_done_) decode(&source_.video_decoder(), nullptr);  // what the decoders still hold
    if (!sound_done()) decode(source_.sound_decoder(), nullptr);
  }

 private:
  AVCodecContext* decoder_of(const AVPacket& packet) const {
    return packet.stream_index == source_.video().index ? &source_.video_decoder() : source_.sound_decoder();
  }
  bool sound_done() const { return source_.sound_decoder() == nullptr || sound_.done(); }
  bool is_video(const AVCodecContext* decoder) const { return decoder == &source_.video_decoder(); }

  double seconds(int64_t stamp, const AVStream& stream) const {
    return stamp == AV_NOPTS_VALUE ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(stamp) * av_q2d(stream.time_base);
  }

  void decode(AVCodecContext* decoder, const AVPacket* packet) {
    if (is_video(decoder) ? video_done_ : sound_done()) return;
    int error = avcodec_send_packet(decoder, packet);
    check_decoded(error, decoder);
    while (error != AVERROR_EOF) {
      error = avcodec_receive_frame(decoder, frame_.get());
      if (error == AVERROR(EAGAIN)) return;
      if (error == AVERROR_EOF) return;
      check_decoded(error, decoder);
      if (error < 0) return;
      const bool whole = frame_->decode_error_flags == 0 && (frame_->flags & AV_FRAME_FLAG_CORRUPT) == 0;
      if (!whole) check_decoded(AVERROR_INVALIDDATA, decoder);
      if (whole && is_video(decoder)) add_picture();
      if (whole && !is_video(decoder)) sound_.add(*frame_, seconds(frame_->best_effort_timestamp, *source_.sound()), out_, source_.where());
      av_frame_unref(frame_.get());
      if (is_video(decoder) ? video_done_ : sound_done()) return;
    }
  }

  void check_decoded(int error, const AVCodecContext* decoder) const {
    if (error == AVERROR(ENOMEM)) throw std::bad_alloc();
    if (error >= 0 || error == AVERROR_EOF || error == AVERROR(EAGAIN) || options_.damage == VideoDamage::skip) return;
    fail<DataError>("[{}] expected {} that is whole, got damage behind {} s: {}; VideoDamage::skip leaves out what is damaged",
                    {source_.where(), is_video(decoder) ? "video" : "sound", last_, ffmpeg_text(error)});
  }

  void add_picture() {
    const AVFrame& frame = *frame_;
    ++frames_;
    pixels_ += int64_t{frame.width} * frame.height;
    check<DataError>(frames_ <= limits_.max_frames && pixels_ <= limits_.max_decoded_pixels,
                     "[{}] expected at most {} frames and {} pixels in them, got more: frame {} of {} x {}",
                     {source_.where(), limits_.max_frames, limits_.max_decoded_pixels, frames_, frame.width, frame.height});
    const double time = seconds(frame.best_effort_timestamp, source_.video());
    const bool ascends = time > last_ || (frames_ == 1 && std::isfinite(time));
    check<DataError>(ascends || options_.damage == VideoDamage::skip, "[{}] expected presentation times that ascend, got {} s behind {} s",
                     {source_.where(), time, last_});
    if (!ascends) return;
    if (!started_) first_ = time;
    started_ = true;
    last_ = time;
    check<DataError>(time - first_ <= limits_.max_seconds, "[{}] expected at most {} s, got a frame {} s behind the first",
                     {source_.where(), limits_.max_seconds, time - first_});
    video_done_ = time >= options_.stop_seconds;
    if (video_done_ || time < options_.start_seconds) return;
    painter_.paint(frame, out_, source_.where());
    out_.times.push_back(time);
  }

  RawVideo& out_;
  VideoSource& source_;
  const VideoOptions& options_;
  const VideoLimits& limits_;
  FramePainter painter_;
  SoundLine sound_;
  FramePointer frame_;
  int64_t frames_ = 0, pixels_ = 0;
  bool video_done_ = false, started_ = false;
  double first_ = 0, last_ = -std::numeric_limits<double>::infinity();
};

}  // namespace

void decode_video(RawVideo& out, const std::filesystem::path& path, const VideoOptions& options, const VideoLimits& limits) {
  VideoSource source(path, options, limits);
  VideoRun(out, source, options, limits).run();
  check<DataError>(!out.times.empty(), "[{}] expected a frame from {} s to {} s, got none",
                   {source.where(), options.start_seconds, options.stop_seconds});
}

}  // namespace alloy::detail
