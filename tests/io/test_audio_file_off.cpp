// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core/error.hpp>
#include <alloy/io/audio_file.hpp>

using namespace alloy;

TEST_CASE("a build without audio files says so", "[io]") {
  CHECK_THROWS_AS(read_audio("a.wav"), ConfigError);
  CHECK_THROWS_WITH(read_audio("a.wav"), ContainsSubstring("a.wav") && ContainsSubstring("ALLOY_WITH_AUDIO_FILES=ON"));
  CHECK_THROWS_AS(decode_audio({}, "bytes"), ConfigError);
  CHECK_THROWS_AS(resample({.samples = {0.F}, .sample_rate_hz = 8000}, 16'000), ConfigError);
  CHECK(encode_wav({.samples = {0.F}, .sample_rate_hz = 8000}).size() == 46);
}
