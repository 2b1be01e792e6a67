// SPDX-License-Identifier: Apache-2.0
#include "command_align.hpp"

namespace alloy::tool {

void add_align(CLI::App& app) {
  CLI::App* align = app.add_subcommand("align", "What belongs to what in time, for files (docs/alignment.md)");
  align->require_subcommand(1);
  add_align_dtw(*align);
}

}  // namespace alloy::tool
