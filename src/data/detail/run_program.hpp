// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Runs another program and reads what it prints: no shell, no standard input, bounded in bytes and in time. Safe in a
/// process of many threads.

#include <alloy/core/export.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace alloy::detail {

struct ProgramLimits {
  int64_t max_bytes = 64 << 20;  ///< of output and messages, each
  double max_seconds = 60;
};

struct ProgramResult {
  bool found = true;     ///< false: there is no such program
  int exit_code = 0;     ///< 128 + its number if a signal ended the program
  std::string output;    ///< bytes of its standard output
  std::string messages;  ///< bytes of its standard error
};

/// @param program    a path, or a name to be looked up along PATH
/// @param arguments  without the program's own name
/// @throws IoError naming the program if it cannot be started for another reason than being missing, if it prints more
///         than allowed, or if it takes longer; it is ended then
ALLOY_API ProgramResult run_program(const std::string& program, const std::vector<std::string>& arguments, const ProgramLimits& limits = {});

}  // namespace alloy::detail
