// SPDX-License-Identifier: Apache-2.0
#include "html_parts.hpp"

#include <algorithm>
#include <array>

namespace alloy::demo::html {

namespace {

constexpr std::array<std::string_view, 4> kStages = {"single", "early", "hybrid", "late"};

}  // namespace

int stage_rank(std::string_view stage) { return static_cast<int>(std::find(kStages.begin(), kStages.end(), stage) - kStages.begin()); }

std::string_view stage_class(std::string_view stage) {
  const auto rank = static_cast<size_t>(stage_rank(stage));
  return rank < kStages.size() ? kStages[rank] : "other";
}

}  // namespace alloy::demo::html
