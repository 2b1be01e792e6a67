// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "commands.hpp"

namespace alloy::tool {

// The subcommands of `alloy align`, a file each: command_align_<name>.cpp.
void add_align_dtw(CLI::App& align);

}  // namespace alloy::tool
