// SPDX-License-Identifier: Apache-2.0
// Stands in for collectives_gloo.cpp in a build without training over several processes.
#include "train/detail/collectives.hpp"

namespace alloy::detail {

std::unique_ptr<Collectives> connect_collectives(const ProcessGroupOptions& options) {
  fail<ConfigError>("[ProcessGroup] expected a build with training over several processes for world_size {}, got one without: configure alloy with "
                    "-DALLOY_WITH_DISTRIBUTED=ON and a LibTorch that has c10d and Gloo, such as that of pip", {options.world_size});
}

}  // namespace alloy::detail
