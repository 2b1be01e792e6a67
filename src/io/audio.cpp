// SPDX-License-Identifier: Apache-2.0
// What needs no audio library, and is there in every build.
#include "io/detail/audio_checks.hpp"

#include <algorithm>
#include <cmath>

namespace alloy {

std::string encode_wav(const Audio& audio) {
  constexpr uint64_t kHeaderBytes = 44, kSampleBytes = 2;
  detail::check_audio(audio, "encode_wav");
  const uint64_t data_bytes = audio.samples.size() * kSampleBytes;
  const bool fits = data_bytes <= UINT32_MAX - kHeaderBytes && audio.channels <= UINT16_MAX / static_cast<int64_t>(kSampleBytes);
  check<DataError>(fits, "[encode_wav] expected audio that a WAV file can hold, got {} samples of {} channels", {audio.samples.size(), audio.channels});

  std::string text;
  text.reserve(kHeaderBytes + data_bytes);
  const auto put = [&](uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> 8 * i);
  };
  const auto rate = static_cast<uint64_t>(audio.sample_rate_hz), channels = static_cast<uint64_t>(audio.channels);
  text += "RIFF";
  put(kHeaderBytes - 8 + data_bytes, 4);
  text += "WAVEfmt ";
  put(16, 4);                              // bytes of this chunk
  put(1, 2);                               // integers
  put(channels, 2);
  put(rate, 4);
  put(rate * channels * kSampleBytes & UINT32_MAX, 4);  // bytes a second
  put(channels * kSampleBytes, 2);         // bytes a frame
  put(8 * kSampleBytes, 2);                // bits a sample
  text += "data";
  put(data_bytes, 4);
  for (size_t i = 0; i < audio.samples.size(); ++i) {
    const float sample = audio.samples[i];
    check<DataError>(!std::isnan(sample), "[encode_wav] expected numbers, got NaN at sample {}", {i});
    const float clipped = std::clamp(std::round(sample * 32768.0F), -32768.0F, 32767.0F);
    put(static_cast<uint16_t>(static_cast<int16_t>(clipped)), kSampleBytes);
  }
  return text;
}

Audio to_mono(const Audio& audio) {
  detail::check_audio(audio, "to_mono");
  if (audio.channels == 1) return audio;
  Audio mono{.samples = std::vector<float>(static_cast<size_t>(audio.frames())), .channels = 1, .sample_rate_hz = audio.sample_rate_hz};
  const auto channels = static_cast<size_t>(audio.channels);
  for (size_t frame = 0; frame < mono.samples.size(); ++frame) {
    double sum = 0;
    for (size_t c = 0; c < channels; ++c) sum += audio.samples[frame * channels + c];
    mono.samples[frame] = static_cast<float>(sum / static_cast<double>(channels));
  }
  return mono;
}

}  // namespace alloy
