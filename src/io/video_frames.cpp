// SPDX-License-Identifier: Apache-2.0
#include "io/detail/video_decoder.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>

extern "C" {
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
}

namespace alloy::detail {

namespace {

/// The number of bytes that a frame adds, checked against what may be kept.
size_t frame_bytes(int64_t width, int64_t height, const RawVideo& out, int64_t max_bytes, const std::string& where) {
  const int64_t bytes = 3 * width * height;  // FFmpeg's own limits keep sides below 2^15 or so; ours below 2^31
  auto kept = static_cast<int64_t>(out.pixels.size());
  for (const auto& channel : out.sound) kept += std::ssize(channel) * 4;
  check<DataError>(bytes <= max_bytes && kept <= max_bytes - bytes,
                   "[{}] expected frames of at most {} bytes together, got more: {} frames of {} x {}; read a range or smaller frames",
                   {where, max_bytes, out.times.size(), width, height});
  return static_cast<size_t>(bytes);
}

bool is_full_range(const AVFrame& frame) {
  const auto format = static_cast<AVPixelFormat>(frame.format);
  return frame.color_range == AVCOL_RANGE_JPEG || format == AV_PIX_FMT_YUVJ420P || format == AV_PIX_FMT_YUVJ422P || format == AV_PIX_FMT_YUVJ444P ||
         format == AV_PIX_FMT_YUVJ440P;
}

std::string_view name_of(AVPixelFormat format) {
  const char* name = av_get_pix_fmt_name(format);
  return name == nullptr ? "an unknown one" : name;
}

int matrix_of(const AVFrame& frame) {
  switch (frame.colorspace) {
    case AVCOL_SPC_BT709:
      return SWS_CS_ITU709;
    case AVCOL_SPC_FCC:
      return SWS_CS_FCC;
    case AVCOL_SPC_SMPTE240M:
      return SWS_CS_SMPTE240M;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
      return SWS_CS_BT2020;
    default:
      return SWS_CS_ITU601;
  }
}

}  // namespace

uint8_t* GrowingBytes::append(size_t count) {
  if (count > capacity_ - size_) {
    const size_t wanted = std::max(size_ + count, capacity_ + capacity_ / 2);
    void* grown = std::realloc(data_, wanted);
    if (grown == nullptr) throw std::bad_alloc();
    data_ = static_cast<uint8_t*>(grown);
    capacity_ = wanted;
  }
  uint8_t* place = data_ + size_;
  size_ += count;
  return place;
}

FramePainter::FramePainter(std::array<int, 4> orientation, const VideoOptions& options, const VideoLimits& limits)
    : turn_(orientation), width_(options.width), height_(options.height), max_bytes_(limits.max_bytes) {}

FramePainter::~FramePainter() { sws_freeContext(scaler_); }

void FramePainter::paint(const AVFrame& frame, RawVideo& out, const std::string& where) {
  const bool across = turn_[0] == 0;  // width and height change places
  const int64_t width = width_ > 0 ? width_
                        : across   ? frame.height
                                   : frame.width,
                height = height_ > 0 ? height_
                         : across    ? frame.width
                                     : frame.height;
  if (out.times.empty()) {
    out.width = width;
    out.height = height;
  }
  check<DataError>(width == out.width && height == out.height, "[{}] expected frames of one size, got {} x {} after {} x {}; set width and height",
                   {where, width, height, out.width, out.height});
  const size_t bytes = frame_bytes(width, height, out, max_bytes_, where);
  const auto format = static_cast<AVPixelFormat>(frame.format);
  const int stored_width = static_cast<int>(across ? height : width), stored_height = static_cast<int>(across ? width : height);
  check<DataError>(sws_isSupportedInput(format) > 0, "[{}] expected a pixel format that can be converted, got {}", {where, name_of(format)});
  scaler_ = sws_getCachedContext(scaler_, frame.width, frame.height, format, stored_width, stored_height, AV_PIX_FMT_GBRP,
                                 SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP | SWS_BITEXACT, nullptr, nullptr, nullptr);
  check<DataError>(scaler_ != nullptr, "[{}] expected frames that can be converted, got {} x {} of pixel format {}",
                   {where, frame.width, frame.height, name_of(format)});
  sws_setColorspaceDetails(scaler_, sws_getCoefficients(matrix_of(frame)), is_full_range(frame), sws_getCoefficients(SWS_CS_DEFAULT), 1, 0, 1 << 16,
                           1 << 16);

  if (scaled_ == nullptr || scaled_->width != stored_width || scaled_->height != stored_height) {
    scaled_.reset(av_frame_alloc());
    if (scaled_ == nullptr) throw std::bad_alloc();
    scaled_->format = AV_PIX_FMT_GBRP;
    scaled_->width = stored_width;
    scaled_->height = stored_height;
    if (av_frame_get_buffer(scaled_.get(), 64) < 0) throw std::bad_alloc();  // padded rows: the scaler may write beyond a row's end
  }
  const int rows = sws_scale(scaler_, frame.data, frame.linesize, 0, frame.height, scaled_->data, scaled_->linesize);
  check<DataError>(rows == stored_height, "[{}] expected frames that can be converted, got {} rows of {}", {where, rows, stored_height});

  uint8_t* to = out.pixels.append(bytes);
  constexpr std::array<size_t, 3> kPlanes = {2, 0, 1};  // of red, green, blue
  for (const size_t plane : kPlanes) {
    for (int y = 0; y < stored_height; ++y) {
      const uint8_t* row = scaled_->data[plane] + ptrdiff_t{y} * scaled_->linesize[plane];
      if (turn_ == std::array{1, 0, 0, 1}) {
        std::memcpy(to + int64_t{y} * width, row, static_cast<size_t>(width));
        continue;
      }
      for (int x = 0; x < stored_width; ++x) {
        const int64_t px = turn_[0] * x + turn_[2] * y, py = turn_[1] * x + turn_[3] * y;
        const int64_t left = turn_[0] + turn_[2] < 0 ? width - 1 : 0, top = turn_[1] + turn_[3] < 0 ? height - 1 : 0;
        to[(py + top) * width + px + left] = row[x];
      }
    }
    to += width * height;
  }
}

}  // namespace alloy::detail
