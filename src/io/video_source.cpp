// SPDX-License-Identifier: Apache-2.0
#include "io/detail/video_decoder.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <mutex>

extern "C" {
#include <libavutil/display.h>
#include <libavutil/opt.h>
}

namespace alloy::detail {

namespace {

constexpr int kBufferBytes = 1 << 16;
/// Decoders for what other programs write, each of them fuzzed upstream; FFmpeg knows hundreds more.
constexpr auto kDecoders =
    "h264,hevc,vp8,vp9,libvpx,libvpx-vp9,av1,libdav1d,mpeg1video,mpeg2video,mpeg4,mjpeg,theora,ffv1,rawvideo,"
    "aac,mp3,mp3float,mp2,mp2float,ac3,eac3,opus,libopus,vorbis,libvorbis,flac,alac,pcm_u8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,"
    "pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,pcm_mulaw,pcm_alaw";

int refuse_to_open(AVFormatContext*, AVIOContext**, const char*, int, AVDictionary**) { return AVERROR(EACCES); }

struct Silence {
  std::mutex mutex;
  int users = 0, level = 0;
};
Silence& silence() {
  static Silence one;
  return one;
}

}  // namespace

QuietFfmpeg::QuietFfmpeg() {
  const std::scoped_lock lock(silence().mutex);
  if (silence().users++ > 0) return;
  silence().level = av_log_get_level();
  av_log_set_level(AV_LOG_QUIET);
}

QuietFfmpeg::~QuietFfmpeg() {
  const std::scoped_lock lock(silence().mutex);
  if (--silence().users == 0) av_log_set_level(silence().level);
}

std::string ffmpeg_text(int error) {
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text = {};
  av_strerror(error, text.data(), text.size());
  return text.data();
}

VideoSource::VideoSource(const std::filesystem::path& path, const VideoOptions& options, const VideoLimits& limits)
    : file_(path), where_(path.string()), damage_(options.damage) {
  check<DataError>(file_.size() <= static_cast<uint64_t>(std::max<int64_t>(limits.max_file_bytes, 0)), "[{}] expected at most {} bytes, got {}",
                   {where_, limits.max_file_bytes, file_.size()});
  try {
    open(limits);
    video_ = av_find_best_stream(format_, AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
    check<DataError>(video_ >= 0 && (video().disposition & AV_DISPOSITION_ATTACHED_PIC) == 0,
                     "[{}] expected a video, got a file without moving pictures", {where_});
    if (options.sound == VideoSound::read) sound_ = av_find_best_stream(format_, AVMEDIA_TYPE_AUDIO, -1, video_, nullptr, 0);
    for (unsigned i = 0; i < format_->nb_streams; ++i)
      if (static_cast<int>(i) != video_ && static_cast<int>(i) != sound_) format_->streams[i]->discard = AVDISCARD_ALL;
    video_decoder_ = open_decoder(video_, options, limits);
    if (sound_ >= 0) sound_decoder_ = open_decoder(sound_, options, limits);
  } catch (...) {
    avformat_close_input(&format_);
    if (access_ != nullptr) av_freep(&access_->buffer);
    avio_context_free(&access_);
    throw;
  }
}

VideoSource::~VideoSource() {
  video_decoder_.reset();
  sound_decoder_.reset();
  avformat_close_input(&format_);
  if (access_ != nullptr) av_freep(&access_->buffer);
  avio_context_free(&access_);
}

void VideoSource::open(const VideoLimits& limits) {
  const char* name = video_format(file_);
  check<DataError>(name != nullptr, "[{}] expected an MP4, MOV, Matroska, WebM, AVI, MPEG-TS, Ogg or FLV file, got other content", {where_});
  if (damage_ == VideoDamage::refuse) check_video_is_whole(file_, name);
  const AVInputFormat* kind = av_find_input_format(name);
  check<ConfigError>(kind != nullptr, "[{}] expected FFmpeg libraries that read {}, got some without it", {where_, name});

  auto* buffer = static_cast<unsigned char*>(av_malloc(kBufferBytes));
  if (buffer == nullptr) throw std::bad_alloc();
  access_ = avio_alloc_context(buffer, kBufferBytes, /*write_flag=*/0, this, read, nullptr, seek);
  if (access_ == nullptr) av_free(buffer);
  format_ = avformat_alloc_context();
  if (access_ == nullptr || format_ == nullptr) throw std::bad_alloc();
  format_->pb = access_;
  format_->flags |= AVFMT_FLAG_CUSTOM_IO;
  format_->io_open = refuse_to_open;
  format_->max_streams = 64;
  format_->codec_whitelist = av_strdup(kDecoders);
  format_->protocol_whitelist = av_strdup("none");
  int error = avformat_open_input(&format_, nullptr, kind, nullptr);
  rethrow();
  check<DataError>(error >= 0, "[{}] expected a whole {} file, got one that is damaged or cut: {}", {where_, name, ffmpeg_text(error)});

  // To learn what the header does not say, FFmpeg decodes the first frames; they are held to the same limit.
  std::vector<AVDictionary*> settings(format_->nb_streams, nullptr);
  for (AVDictionary*& setting : settings) av_dict_set_int(&setting, "max_pixels", limits.max_pixels, 0);
  const size_t count = settings.size();
  error = avformat_find_stream_info(format_, settings.empty() ? nullptr : settings.data());
  for (size_t i = 0; i < count; ++i) av_dict_free(&settings[i]);
  rethrow();
  check<DataError>(error >= 0, "[{}] expected a whole {} file, got one that is damaged or cut: {}", {where_, name, ffmpeg_text(error)});
}

CodecContext VideoSource::open_decoder(int stream, const VideoOptions& options, const VideoLimits& limits) const {
  const AVStream& from = *format_->streams[stream];
  const AVCodecParameters& said = *from.codecpar;
  const char* name = avcodec_get_name(said.codec_id);
  if (said.codec_type == AVMEDIA_TYPE_VIDEO)
    check<DataError>(int64_t{said.width} * said.height <= limits.max_pixels, "[{}] expected at most {} pixels a frame, got {} x {}",
                     {where_, limits.max_pixels, said.width, said.height});
  const AVCodec* codec = avcodec_find_decoder(said.codec_id);
  CodecContext decoder(codec == nullptr ? nullptr : avcodec_alloc_context3(codec));
  check<DataError>(decoder != nullptr && avcodec_parameters_to_context(decoder.get(), &said) >= 0, "[{}] expected a codec that is known, got {}",
                   {where_, name});
  decoder->pkt_timebase = from.time_base;
  decoder->thread_count = 1;
  decoder->max_pixels = limits.max_pixels;
  decoder->codec_whitelist = av_strdup(kDecoders);
  if (options.damage == VideoDamage::refuse) decoder->err_recognition = AV_EF_CRCCHECK | AV_EF_EXPLODE;
  const int error = avcodec_open2(decoder.get(), codec, nullptr);
  check<DataError>(error >= 0, "[{}] expected a video that can be decoded, got {}: {}", {where_, name, ffmpeg_text(error)});
  return decoder;
}

bool VideoSource::next(AVPacket& packet) {
  while (true) {
    av_packet_unref(&packet);
    const int error = av_read_frame(format_, &packet);
    rethrow();
    if (error == AVERROR_EOF) return false;
    if (error < 0 && damage_ == VideoDamage::skip) return false;
    check<DataError>(error >= 0, "[{}] expected a whole file, got one that is damaged or cut: {}", {where_, ffmpeg_text(error)});
    if (packet.stream_index != video_ && packet.stream_index != sound_) continue;
    if ((packet.flags & AV_PKT_FLAG_CORRUPT) == 0) return true;
    check<DataError>(damage_ == VideoDamage::skip, "[{}] expected whole packets, got one that is damaged or cut at byte {}", {where_, packet.pos});
  }
}

std::array<int, 4> VideoSource::orientation() const {
  constexpr std::array<int, 4> kUpright = {1, 0, 0, 1};
  const uint8_t* data = nullptr;
  size_t size = 0;
#if LIBAVCODEC_VERSION_MAJOR < 61
  data = av_stream_get_side_data(&video(), AV_PKT_DATA_DISPLAYMATRIX, &size);
#else
  const AVCodecParameters& said = *video().codecpar;
  if (const AVPacketSideData* found = av_packet_side_data_get(said.coded_side_data, said.nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
      found != nullptr) {
    data = found->data;
    size = found->size;
  }
#endif
  std::array<int32_t, 9> matrix = {};
  if (data == nullptr || size < sizeof matrix) return kUpright;
  std::memcpy(matrix.data(), data, sizeof matrix);
  constexpr int32_t kOne = 1 << 16;
  std::array<int, 4> turn = {};
  for (const auto& [to, from] : {std::pair<size_t, size_t>{0, 0}, {1, 1}, {2, 3}, {3, 4}}) {
    if (matrix[from] != 0 && matrix[from] != kOne && matrix[from] != -kOne) return kUpright;  // no quarter turn
    turn[to] = matrix[from] / kOne;
  }
  const bool straight = turn[0] != 0 && turn[3] != 0 && turn[1] == 0 && turn[2] == 0,
             across = turn[0] == 0 && turn[3] == 0 && turn[1] != 0 && turn[2] != 0;
  return straight || across ? turn : kUpright;
}

void VideoSource::rethrow() const {
  if (failure_) std::rethrow_exception(failure_);
}

int VideoSource::read(void* self, uint8_t* out, int size) {
  auto& source = *static_cast<VideoSource*>(self);
  const auto total = static_cast<int64_t>(source.file_.size());
  const int64_t count = std::min<int64_t>(size, total - source.position_);
  if (count <= 0) return AVERROR_EOF;
  try {
    source.file_.read(static_cast<uint64_t>(source.position_), std::as_writable_bytes(std::span(out, static_cast<size_t>(count))));
  } catch (...) {
    source.failure_ = std::current_exception();
    return AVERROR(EIO);
  }
  source.position_ += count;
  return static_cast<int>(count);
}

int64_t VideoSource::seek(void* self, int64_t offset, int whence) {
  auto& source = *static_cast<VideoSource*>(self);
  const auto total = static_cast<int64_t>(source.file_.size());
  if ((whence & AVSEEK_SIZE) != 0) return total;
  whence &= ~AVSEEK_FORCE;
  const int64_t base = whence == SEEK_CUR ? source.position_ : whence == SEEK_END ? total : 0;
  int64_t target = 0;
  if (__builtin_add_overflow(base, offset, &target) || target < 0) return AVERROR(EINVAL);
  return source.position_ = target;
}

}  // namespace alloy::detail
