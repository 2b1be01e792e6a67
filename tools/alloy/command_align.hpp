// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arguments.hpp"
#include "commands.hpp"

#include <alloy/core/error.hpp>

#include <string>

namespace alloy::tool {

// The subcommands of `alloy align`, a file each: command_align_<name>.cpp.
void add_align_dtw(CLI::App& align);
void add_align_delay(CLI::App& align);
void add_align_ctc(CLI::App& align);
void add_align_speech(CLI::App& align);

/// Does the work; what the library then says about data goes on with the files that these are from, whose names it does not know.
template <class Work>
auto naming(const std::string& files, const Work& work) {
  try {
    return work();
  } catch (const DataError& error) {
    throw DataError(std::string(error.what()) + " (" + files + ")");
  }
}

}  // namespace alloy::tool
