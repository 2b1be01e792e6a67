// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Makes the encoders of this area known by name.

#include <alloy/core/export.hpp>

namespace alloy {

/// Adds all encoders to their registry; call it once, `register_builtins()` does.
ALLOY_API void register_encoders();

}  // namespace alloy
