// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/train/process_group.hpp>

using namespace alloy;

TEST_CASE("a build without training over several processes says so", "[train]") {
  CHECK_THROWS_AS(ProcessGroup({.world_size = 2}), ConfigError);
  CHECK_THROWS_WITH(ProcessGroup({.world_size = 2}), ContainsSubstring("world_size 2") && ContainsSubstring("ALLOY_WITH_DISTRIBUTED=ON"));
  ProcessGroup alone{ProcessGroupOptions{}};
  CHECK(alone.all_gather(at::ones({2})).size() == 1);  // one process needs none
}
