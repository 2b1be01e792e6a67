// SPDX-License-Identifier: Apache-2.0
// Stands in for audio_file.cpp in a build without audio files.
#include <alloy/core/check.hpp>
#include <alloy/io/audio_file.hpp>

namespace alloy {

namespace {

[[noreturn]] void refuse(std::string_view where) {
  fail<ConfigError>("[{}] expected a build with audio files, got one without: configure alloy with -DALLOY_WITH_AUDIO_FILES=ON", {where});
}

}  // namespace

Audio read_audio(const std::filesystem::path& path, const AudioLimits&) { refuse(path.string()); }
Audio decode_audio(std::span<const std::byte>, std::string_view where, const AudioLimits&) { refuse(where); }
Audio resample(const Audio&, int64_t) { refuse("resample"); }

}  // namespace alloy
