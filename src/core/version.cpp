// SPDX-License-Identifier: Apache-2.0
#include <alloy/core/version.hpp>

namespace alloy {
const char* version() { return "0.1.0"; }
}  // namespace alloy
