// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core/error.hpp>
#include <alloy/io/image_file.hpp>

using namespace alloy;

TEST_CASE("a build without image files says so", "[io]") {
  CHECK_THROWS_AS(read_image("a.png"), ConfigError);
  CHECK_THROWS_WITH(read_image("a.png"), ContainsSubstring("a.png") && ContainsSubstring("ALLOY_WITH_IMAGE_FILES=ON"));
  CHECK_THROWS_AS(decode_image({}, "bytes"), ConfigError);
  CHECK_THROWS_AS(probe_image("a.png"), ConfigError);
  CHECK_THROWS_AS(probe_image({}, "bytes"), ConfigError);
  CHECK_THROWS_AS(encode_png({}), ConfigError);
}
