// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Makes everything that alloy ships known by name. Explicit, because static initialisers vanish out of static libraries.

#include <alloy/core/export.hpp>

namespace alloy {

/// Fills the registries of encoders and fusions. Safe to call again and from several threads; loading a model folder
/// does it for you.
ALLOY_API void register_builtins();

}  // namespace alloy
