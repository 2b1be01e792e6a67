// SPDX-License-Identifier: Apache-2.0
#include "data/detail/alternating_words.hpp"

#include <algorithm>
#include <cmath>

namespace alloy::detail {

namespace {

constexpr float kSilence = 8.0F / 32768;   // quieter samples are too coarse to compare
constexpr size_t kMostStrayRuns = 200;     // of rounding; an echo gives many more
constexpr double kMostStrayEnergy = 1e-3;  // of all energy

struct Run {
  bool odd = false;
  SampleRange range;
  double energy = 0;
};

}  // namespace

std::optional<std::vector<SampleRange>> find_alternating_words(std::span<const float> first, std::span<const float> second, int64_t words) {
  if (first.size() != second.size() || words < 1) return std::nullopt;
  std::vector<Run> runs;
  double total = 0;
  for (size_t i = 0; i < first.size(); ++i) {
    const float a = std::abs(first[i]), b = std::abs(second[i]);
    if (std::max(a, b) < kSilence || a == b) continue;
    if (runs.empty() || runs.back().odd != (b > a)) {
      if (runs.size() > static_cast<size_t>(words) + kMostStrayRuns) return std::nullopt;
      runs.push_back({.odd = b > a, .range = {static_cast<int64_t>(i), static_cast<int64_t>(i)}});
    }
    const double energy = static_cast<double>(std::max(a, b)) * std::max(a, b);
    runs.back().range.end = static_cast<int64_t>(i) + 1;
    runs.back().energy += energy;
    total += energy;
  }
  // The weakest runs are rounding: each is given to its neighbours, which are of one kind, until the words are left.
  double stray = 0;
  while (runs.size() > static_cast<size_t>(words)) {
    const auto weakest = std::ranges::min_element(runs, {}, &Run::energy);
    stray += weakest->energy;
    const auto place = weakest - runs.begin();
    if (weakest != runs.begin() && weakest + 1 != runs.end()) {
      Run& before = runs[static_cast<size_t>(place - 1)];
      const Run& after = runs[static_cast<size_t>(place + 1)];
      before.range.end = after.range.end;
      before.energy += after.energy;
      runs.erase(runs.begin() + place, runs.begin() + place + 2);
    } else {
      runs.erase(weakest);
    }
  }
  if (runs.size() != static_cast<size_t>(words) || runs.front().odd || stray > kMostStrayEnergy * total) return std::nullopt;
  std::vector<SampleRange> ranges;
  for (const Run& run : runs) ranges.push_back(run.range);
  return ranges;
}

}  // namespace alloy::detail
