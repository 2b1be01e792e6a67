// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core/error.hpp>
#include <alloy/io/video_file.hpp>

using namespace alloy;

TEST_CASE("a build without video files says so", "[io]") {
  CHECK_THROWS_AS(read_video("a.mp4"), ConfigError);
  CHECK_THROWS_WITH(read_video("a.mp4"), ContainsSubstring("a.mp4") && ContainsSubstring("ALLOY_WITH_FFMPEG=OFF"));
  CHECK_THROWS_AS((VideoOptions{.width = 3}.validate()), ConfigError);
}
