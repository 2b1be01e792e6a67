// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <alloy/core/check.hpp>
#include <alloy/io/audio_file.hpp>

namespace alloy::detail {

inline constexpr int64_t kMaxSampleRate = 768'000;

/// @throws ShapeError unless the parts of a caller's audio agree
inline void check_audio(const Audio& audio, std::string_view where) {
  check<ShapeError>(audio.channels >= 1 && audio.samples.size() % static_cast<size_t>(audio.channels) == 0,
                    "[{}] expected samples for every channel, got {} samples of {} channels", {where, audio.samples.size(), audio.channels});
  check<ShapeError>(audio.sample_rate_hz >= 1 && audio.sample_rate_hz <= kMaxSampleRate,
                    "[{}] expected a sample rate of 1..{} Hz, got {}", {where, kMaxSampleRate, audio.sample_rate_hz});
}

}  // namespace alloy::detail
