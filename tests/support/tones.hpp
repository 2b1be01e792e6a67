// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Sound made of tones and silence, whose times are known without listening.

#include <alloy/io/audio_file.hpp>

#include <cmath>

namespace alloy_test {

struct Tone {
  double seconds = 0;
  double hertz = 0;  ///< 0 = silence
  double height = 0.5;
};
inline alloy::Audio tones(const std::vector<Tone>& parts, int64_t rate = 8000) {
  alloy::Audio audio{.samples = {}, .channels = 1, .sample_rate_hz = rate};
  for (const Tone& part : parts)
    for (int64_t i = 0; i < std::llround(part.seconds * static_cast<double>(rate)); ++i)
      audio.samples.push_back(part.hertz == 0 ? 0.0F
                                              : static_cast<float>(part.height * std::sin(6.283185307 * part.hertz * static_cast<double>(i) /
                                                                                          static_cast<double>(rate))));
  return audio;
}

}  // namespace alloy_test
