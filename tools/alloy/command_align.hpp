// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "commands.hpp"

namespace alloy::tool {

// The subcommands of `alloy align`, a file each: command_align_<name>.cpp.

}  // namespace alloy::tool
