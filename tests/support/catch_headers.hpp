// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What every test includes and is therefore compiled once, see tests/CMakeLists.txt. LibTorch first, whose CHECK macro would otherwise replace Catch2's.

#include <torch/autograd.h>
#include <torch/nn/module.h>
#include <torch/types.h>
#include <torch/utils.h>
#undef CHECK
#undef LOG
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

