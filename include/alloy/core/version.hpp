// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The version of alloy, for `#if` and at run time.

#include <alloy/core/export.hpp>

#define ALLOY_VERSION 100  // major * 10000 + minor * 100 + patch

namespace alloy {
/// "0.1.0", of the library that is linked.
ALLOY_API const char* version();
}  // namespace alloy
