// SPDX-License-Identifier: Apache-2.0
#pragma once

/// For tests that need a program or a data set that is not part of alloy: they are skipped, visibly, where it is not
/// installed.

#include "data/detail/run_program.hpp"

#include <alloy/core/error.hpp>
#include <alloy/io/audio_file.hpp>

#if ALLOY_CATCH2_VERSION >= 3
#define ALLOY_SKIP(reason) SKIP(reason)
#else
#define ALLOY_SKIP(reason)         \
  do {                             \
    WARN("skipped: " << (reason)); \
    return;                        \
  } while (false)
#endif

namespace alloy_test {

/// Why no speech can be synthesised here; empty if it can.
inline std::string no_speech() {
  if (!alloy::detail::run_program("espeak-ng", {"--version"}).found) return "espeak-ng is not installed";
  try {
    alloy::resample({.samples = {0, 0, 0}, .sample_rate_hz = 22050}, 16000);
  } catch (const alloy::ConfigError&) {
    return "built without audio files";
  }
  return {};
}

}  // namespace alloy_test
