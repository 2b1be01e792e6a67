// SPDX-License-Identifier: Apache-2.0
#include "io/detail/video_decoder.hpp"

#include "io/detail/audio_checks.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace alloy::detail {

namespace {

template <class T>
float sample_at(const uint8_t* data, int64_t i) {
  T value;
  std::memcpy(&value, data + i * static_cast<int64_t>(sizeof(T)), sizeof(T));
  if constexpr (std::is_floating_point_v<T>) return static_cast<float>(value);
  if constexpr (std::is_same_v<T, uint8_t>) return (static_cast<float>(value) - 128.0F) / 128.0F;
  return static_cast<float>(static_cast<double>(value) / -static_cast<double>(std::numeric_limits<T>::min()));
}

using SampleReader = float (*)(const uint8_t*, int64_t);
SampleReader reader_of(AVSampleFormat format) {
  switch (av_get_packed_sample_fmt(format)) {
    case AV_SAMPLE_FMT_U8:
      return sample_at<uint8_t>;
    case AV_SAMPLE_FMT_S16:
      return sample_at<int16_t>;
    case AV_SAMPLE_FMT_S32:
      return sample_at<int32_t>;
    case AV_SAMPLE_FMT_S64:
      return sample_at<int64_t>;
    case AV_SAMPLE_FMT_FLT:
      return sample_at<float>;
    case AV_SAMPLE_FMT_DBL:
      return sample_at<double>;
    default:
      return nullptr;
  }
}

/// The first sample at or after a time; far numbers stay far.
int64_t sample_of(double seconds, double start, int64_t rate) {
  const double place = std::ceil((seconds - start) * static_cast<double>(rate) - 1e-6);
  return static_cast<int64_t>(std::clamp(place, -1e15, 1e15));
}

}  // namespace

void SoundLine::add_silence(int64_t count, RawVideo& out) {
  const int64_t from = std::clamp(count_, from_, to_), to = std::clamp(count_ + count, from_, to_);
  for (auto& channel : out.sound) channel.resize(channel.size() + static_cast<size_t>(to - from), 0.0F);
  count_ += count;
}

void SoundLine::add(const AVFrame& frame, double seconds, RawVideo& out, const std::string& where) {
  const SampleReader reader = reader_of(static_cast<AVSampleFormat>(frame.format));
  const int64_t channels = frame.ch_layout.nb_channels, rate = frame.sample_rate;
  check<DataError>(reader != nullptr && channels >= 1 && channels <= AudioLimits{}.max_channels && rate >= 1 && rate <= kMaxSampleRate,
                   "[{}] expected sound of 1..{} channels at 1..{} Hz, got {} channels at {} Hz",
                   {where, AudioLimits{}.max_channels, kMaxSampleRate, channels, rate});
  if (out.sound_rate == 0) {
    out.sound_rate = rate;
    out.sound.resize(static_cast<size_t>(channels));
    start_ = std::isnan(seconds) ? 0 : seconds;
    from_ = std::max<int64_t>(0, sample_of(options_.start_seconds, start_, rate));
    to_ = std::max(from_, sample_of(options_.stop_seconds, start_, rate));
    out.sound_start = start_ + static_cast<double>(from_) / static_cast<double>(rate);
  }
  check<DataError>(rate == out.sound_rate && channels == std::ssize(out.sound),
                   "[{}] expected sound of one kind, got {} channels at {} Hz after {} at {}",
                   {where, channels, rate, out.sound.size(), out.sound_rate});

  int64_t silence = 0, skip = 0;  // samples before this frame; samples of it whose time is taken
  if (const double beside = seconds - (start_ + static_cast<double>(count_) / static_cast<double>(rate));
      std::abs(beside) > options_.sound_slack_seconds) {
    check<DataError>(beside <= limits_.max_seconds, "[{}] expected sound within {} s, got a gap of {} s", {where, limits_.max_seconds, beside});
    const int64_t samples = std::llround(std::clamp(beside * static_cast<double>(rate), -1e15, 1e15));
    silence = std::max<int64_t>(samples, 0);
    skip = std::clamp<int64_t>(-samples, 0, frame.nb_samples);
  }
  check<DataError>(static_cast<double>(count_ + silence) <= limits_.max_seconds * static_cast<double>(rate),
                   "[{}] expected at most {} s of sound, got more", {where, limits_.max_seconds});
  const int64_t kept = std::clamp(count_ + silence + frame.nb_samples - skip, from_, to_) - from_;
  const int64_t bytes = static_cast<int64_t>(out.pixels.size()) + kept * channels * 4;
  check<DataError>(bytes <= limits_.max_bytes, "[{}] expected at most {} bytes of frames and sound, got more; read a range or smaller frames",
                   {where, limits_.max_bytes});
  add_silence(silence, out);

  const bool planar = av_sample_fmt_is_planar(static_cast<AVSampleFormat>(frame.format)) != 0;
  for (int64_t i = skip; i < frame.nb_samples; ++i, ++count_) {
    if (count_ < from_ || count_ >= to_) continue;
    for (int64_t c = 0; c < channels; ++c) {
      const float value = planar ? reader(frame.extended_data[c], i) : reader(frame.extended_data[0], i * channels + c);
      const bool finite = std::isfinite(value);
      check<DataError>(finite || options_.damage == VideoDamage::skip, "[{}] expected finite sound, got {} at {} s",
                       {where, value, start_ + static_cast<double>(count_) / static_cast<double>(rate)});
      out.sound[static_cast<size_t>(c)].push_back(finite ? value : 0.0F);
    }
  }
  done_ = count_ >= to_;
}

}  // namespace alloy::detail
