// SPDX-License-Identifier: Apache-2.0
#pragma once

/// WAV, FLAC, Ogg, AIFF and AU files (not MP3) to samples, samples to WAV, mixing down and resampling. The format is told by the
/// content, never by the file name. Built without audio files (ALLOY_WITH_AUDIO_FILES=OFF), reading and resampling throw
/// ConfigError.

#include <alloy/core/export.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace alloy {

/// A value: `samples[frame * channels + channel]`. Integer formats fill [-1, 1); formats that hold floats keep what they
/// hold, also where it is louder.
struct Audio {
  std::vector<float> samples = {};  ///< [frames, channels], finite
  int64_t channels = 1;
  int64_t sample_rate_hz = 0;  ///< 1..768,000
  int64_t frames() const { return static_cast<int64_t>(samples.size()) / channels; }
};

struct AudioLimits {
  int64_t max_seconds = 3600;
  int64_t max_channels = 32;
  int64_t max_samples = 400'000'000;            ///< frames times channels
  int64_t max_file_bytes = int64_t{4} << 30;    ///< checked before the file is read
};

/// @throws IoError if the file cannot be read (missing, a folder, a pipe); DataError if it is damaged or cut, holds no
///         sample, a sample that is no finite number, or more than the limits allow. Both name the path. Never blocks.
ALLOY_API Audio read_audio(const std::filesystem::path& path, const AudioLimits& limits = {});
/// @param where  what the bytes are (a file name), for messages
ALLOY_API Audio decode_audio(std::span<const std::byte> bytes, std::string_view where, const AudioLimits& limits = {});

/// The bytes of a WAV file of 16-bit integers, rounded; what is louder than full scale is clipped. 16-bit audio that was
/// read is written back bit-equal.
/// @throws DataError on a sample that is no number, or more than the 4 GiB that a WAV can hold
ALLOY_API std::string encode_wav(const Audio& audio);

/// The mean of the channels.
ALLOY_API Audio to_mono(const Audio& audio);

/// Band-limited resampling (libsoxr, "high quality": pass band to 0.91 of the lower Nyquist frequency).
/// @return round(frames * new rate / old rate) frames; a copy where the rates are equal
/// @throws ConfigError if the rate is not in 1..768,000, or over 10,000 times higher or lower than that of the audio
ALLOY_API Audio resample(const Audio& audio, int64_t sample_rate_hz);

}  // namespace alloy
