// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Makes the fusions of this area known by name.

#include <alloy/core/export.hpp>

namespace alloy {

/// Adds all fusions to their registries; call it once, `register_builtins()` does.
ALLOY_API void register_fusion();

}  // namespace alloy
