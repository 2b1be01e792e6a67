// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Everything of alloy, by area. `alloy/core/eigen.hpp` is opt-in and not part of it.

#include <alloy/core.hpp>
#include <alloy/preprocess.hpp>
