// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The one way tests include Catch2, with matchers under the same names for Catch2 2 and 3. Tests that need torch::nn's own modules include those one by one.

#include "support/catch_headers.hpp"
#include "support/gradients.hpp"
#include "support/matchers.hpp"

using namespace alloy_test;
