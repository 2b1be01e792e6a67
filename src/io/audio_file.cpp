// SPDX-License-Identifier: Apache-2.0
#include "io/detail/audio_checks.hpp"

#include <alloy/io/file.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <sndfile.h>
#include <soxr.h>

namespace alloy {

namespace {

using Bytes = std::span<const std::byte>;

bool text_at(Bytes bytes, size_t at, std::string_view text) {
  return at <= bytes.size() && text.size() <= bytes.size() - at && std::memcmp(bytes.data() + at, text.data(), text.size()) == 0;
}

/// libsndfile reads many more formats, some by code that is hardly used or looked at; only these reach it. MP3 is left
/// out, since its decoder prints to the standard error output when a file is damaged.
bool is_known_format(Bytes bytes) {
  const bool is_wave = (text_at(bytes, 0, "RIFF") || text_at(bytes, 0, "RIFX") || text_at(bytes, 0, "RF64")) && text_at(bytes, 8, "WAVE");
  const bool is_aiff = text_at(bytes, 0, "FORM") && (text_at(bytes, 8, "AIFF") || text_at(bytes, 8, "AIFC"));
  return is_wave || is_aiff || text_at(bytes, 0, "fLaC") || text_at(bytes, 0, "OggS") || text_at(bytes, 0, ".snd");
}

/// libsndfile takes what there is of a WAV that was cut. Refused here: a data chunk that claims more than the file holds,
/// but for the sizes that programs write when they stream and do not know.
void check_wav_is_whole(Bytes bytes, std::string_view where) {
  constexpr uint32_t kStreamed = 0x7FFFF000;  // this and above
  if (!text_at(bytes, 0, "RIFF")) return;
  for (size_t at = 12; bytes.size() - at >= 8;) {
    uint32_t length = 0;
    for (size_t i = 0; i < 4; ++i) length |= std::to_integer<uint32_t>(bytes[at + 4 + i]) << 8 * i;
    const size_t left = bytes.size() - at - 8;
    if (text_at(bytes, at, "data")) {
      check<DataError>(length <= left || length >= kStreamed, "[{}] expected {} bytes of samples, got {}: the file is cut", {where, length, left});
      return;
    }
    const size_t padded = size_t{length} + length % 2;
    if (padded > left) return;
    at += 8 + padded;
  }
}

constexpr std::array<uint32_t, 256> kOggTable = [] {
  std::array<uint32_t, 256> table = {};
  for (uint32_t i = 0; i < 256; ++i) {
    table[i] = i << 24;
    for (int bit = 0; bit < 8; ++bit) table[i] = table[i] << 1 ^ (table[i] >> 31 != 0 ? 0x04C11DB7U : 0U);
  }
  return table;
}();

/// Pages of an Ogg file (RFC 3533) carry a check sum, and the last one says that it is the last. libsndfile skips pages
/// that are damaged, and leaks memory where those of the header are.
void check_ogg_is_whole(Bytes bytes, std::string_view where) {
  constexpr size_t kHead = 27, kFlags = 5, kSum = 22, kSegments = 26;
  constexpr uint32_t kLast = 4;
  if (!text_at(bytes, 0, "OggS")) return;
  uint32_t flags = 0;
  for (size_t at = 0; at < bytes.size();) {
    const auto number = [&](size_t i) { return std::to_integer<uint32_t>(bytes[at + i]); };
    size_t length = kHead;
    const size_t left = bytes.size() - at;
    if (left >= length) length += number(kSegments);
    if (left >= length)
      for (size_t i = kHead, end = length; i < end; ++i) length += number(i);
    uint32_t sum = 0, stated = 0;
    bool sound = text_at(bytes, at, "OggS") && left >= length;
    if (sound) {
      for (size_t i = 0; i < length; ++i) sum = sum << 8 ^ kOggTable[sum >> 24 ^ (i >= kSum && i < kSum + 4 ? 0 : number(i))];
      for (size_t i = 0; i < 4; ++i) stated |= number(kSum + i) << 8 * i;
      sound = sum == stated;
    }
    check<DataError>(sound, "[{}] expected a whole Ogg page, got one that is cut or damaged at byte {}", {where, at});
    flags = number(kFlags);
    at += length;
  }
  check<DataError>((flags & kLast) != 0, "[{}] expected an Ogg file up to its last page, got one that is cut", {where});
}

/// Bytes in memory as libsndfile's file.
struct MemoryFile {
  Bytes bytes;
  sf_count_t at = 0;

  static MemoryFile& of(void* self) { return *static_cast<MemoryFile*>(self); }
  static sf_count_t length(void* self) { return static_cast<sf_count_t>(of(self).bytes.size()); }
  static sf_count_t tell(void* self) { return of(self).at; }
  static sf_count_t seek(sf_count_t offset, int whence, void* self) {
    const sf_count_t end = length(self), base = whence == SEEK_CUR ? of(self).at : whence == SEEK_END ? end : 0;
    return of(self).at = base + std::clamp(offset, -base, end - base);
  }
  static sf_count_t read(void* target, sf_count_t count, void* self) {
    const sf_count_t got = std::clamp<sf_count_t>(count, 0, length(self) - of(self).at);
    if (got > 0) std::memcpy(target, of(self).bytes.data() + of(self).at, static_cast<size_t>(got));
    of(self).at += got;
    return got;
  }
  static sf_count_t write(const void*, sf_count_t, void*) { return 0; }
};

struct Close {
  void operator()(SNDFILE* file) const { sf_close(file); }
};

}  // namespace

Audio decode_audio(Bytes bytes, std::string_view where, const AudioLimits& limits) {
  check<DataError>(is_known_format(bytes), "[{}] expected a WAV, FLAC, Ogg, AIFF or AU file, got other content", {where});
  check_wav_is_whole(bytes, where);
  check_ogg_is_whole(bytes, where);

  MemoryFile memory{.bytes = bytes};
  SF_VIRTUAL_IO access = {MemoryFile::length, MemoryFile::seek, MemoryFile::read, MemoryFile::write, MemoryFile::tell};
  SF_INFO info = {};
  const std::unique_ptr<SNDFILE, Close> file(sf_open_virtual(&access, SFM_READ, &info, &memory));
  check<DataError>(file != nullptr, "[{}] expected a WAV, FLAC, Ogg, AIFF or AU file, got one that is damaged or of an unknown kind", {where});
  const int64_t channels = info.channels, rate = info.samplerate;
  check<DataError>(channels >= 1 && channels <= limits.max_channels, "[{}] expected 1..{} channels, got {}", {where, limits.max_channels, channels});
  check<DataError>(rate >= 1 && rate <= detail::kMaxSampleRate, "[{}] expected a sample rate of 1..{} Hz, got {}", {where, detail::kMaxSampleRate, rate});
  const int64_t max_frames = std::min(limits.max_seconds <= INT64_MAX / rate ? limits.max_seconds * rate : INT64_MAX, limits.max_samples / channels);
  const auto check_length = [&](int64_t frames) {
    check<DataError>(frames <= max_frames, "[{}] expected at most {} s and {} samples, got {} frames at {} Hz", {where, limits.max_seconds, limits.max_samples, frames, rate});
  };
  check_length(info.frames);

  // What the header claims is not allocated at once: the samples must come first.
  constexpr int64_t kBlockFrames = 16'384;
  Audio audio{.channels = channels, .sample_rate_hz = rate};
  int64_t frames = 0;
  for (sf_count_t got = kBlockFrames; got == kBlockFrames;) {
    audio.samples.resize(static_cast<size_t>((frames + kBlockFrames) * channels));
    float* block = audio.samples.data() + frames * channels;
    got = std::max<sf_count_t>(sf_readf_float(file.get(), block, kBlockFrames), 0);
    for (int64_t i = 0; i < got * channels; ++i)
      check<DataError>(std::isfinite(block[i]), "[{}] expected finite samples, got {} in frame {}", {where, block[i], frames + i / channels});
    frames += got;
    check_length(frames);
  }
  check<DataError>(sf_error(file.get()) == SF_ERR_NO_ERROR && frames >= info.frames, "[{}] expected {} frames, got {}: the file is damaged or cut", {where, info.frames, frames});
  check<DataError>(frames > 0, "[{}] expected samples, got none", {where});
  audio.samples.resize(static_cast<size_t>(frames * channels));
  audio.samples.shrink_to_fit();
  return audio;
}

Audio read_audio(const std::filesystem::path& path, const AudioLimits& limits) {
  return decode_audio(read_binary_file(path, static_cast<uint64_t>(limits.max_file_bytes)), path.string(), limits);
}

Audio resample(const Audio& audio, int64_t sample_rate_hz) {
  detail::check_audio(audio, "resample");
  check<ConfigError>(sample_rate_hz >= 1 && sample_rate_hz <= detail::kMaxSampleRate, "[resample] expected a sample rate of 1..{} Hz, got {}", {detail::kMaxSampleRate, sample_rate_hz});
  constexpr int64_t kMaxFactor = 10'000;  // libsoxr works for minutes at some factors far above
  const bool near = sample_rate_hz / kMaxFactor <= audio.sample_rate_hz && audio.sample_rate_hz / kMaxFactor <= sample_rate_hz;
  check<ConfigError>(near, "[resample] expected rates within a factor of {}, got {} Hz to {} Hz", {kMaxFactor, audio.sample_rate_hz, sample_rate_hz});
  if (sample_rate_hz == audio.sample_rate_hz) return audio;
  const int64_t frames = audio.frames();
  check<DataError>(frames <= INT64_MAX / (2 * detail::kMaxSampleRate), "[resample] expected audio of a length that can be resampled, got {} frames", {frames});
  const int64_t wanted = (2 * frames * sample_rate_hz + audio.sample_rate_hz) / (2 * audio.sample_rate_hz);
  Audio result{.samples = std::vector<float>(static_cast<size_t>(wanted * audio.channels)), .channels = audio.channels, .sample_rate_hz = sample_rate_hz};
  if (wanted == 0) return result;

  const soxr_io_spec_t format = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
  const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
  const soxr_runtime_spec_t one_thread = soxr_runtime_spec(1);
  size_t done = 0;  // what the last frames may lack stays zero
  const soxr_error_t error = soxr_oneshot(static_cast<double>(audio.sample_rate_hz), static_cast<double>(sample_rate_hz), static_cast<unsigned>(audio.channels),
                                          audio.samples.data(), static_cast<size_t>(frames), nullptr,
                                          result.samples.data(), static_cast<size_t>(wanted), &done, &format, &quality, &one_thread);
  check<ConfigError>(error == nullptr, "[resample] expected rates that libsoxr can convert, got {} Hz to {} Hz: {}",
                     {audio.sample_rate_hz, sample_rate_hz, std::string_view(error == nullptr ? "" : error)});
  return result;
}

}  // namespace alloy
