// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The one way tests include Catch2: LibTorch first, whose CHECK macro would otherwise replace Catch2's, and matchers
/// under the same names for Catch2 2 and 3. Tests that need torch::nn's own modules include those one by one.

#include <torch/autograd.h>
#include <torch/nn/module.h>
#include <torch/types.h>
#include <torch/utils.h>
#undef CHECK
#undef LOG
#pragma GCC optimize("O0")
#if ALLOY_CATCH2_VERSION >= 3
#include <catch2/catch_all.hpp>
namespace alloy_test {
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
template <class T>
using MatcherBase = Catch::Matchers::MatcherBase<T>;
}  // namespace alloy_test
#else
#include <catch2/catch.hpp>
namespace alloy_test {
inline auto ContainsSubstring(const std::string& text) { return Catch::Matchers::Contains(text); }
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
template <class T>
using MatcherBase = Catch::MatcherBase<T>;
}  // namespace alloy_test
#endif

#include "support/gradients.hpp"
#include "support/matchers.hpp"

using namespace alloy_test;
