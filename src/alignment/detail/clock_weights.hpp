// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Which measurements make the value at each tick, and with which weights.

#include <alloy/alignment/clock.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace alloy::detail {

/// Sparse rows: tick s is the sum of weights[k] * value[sources[k]] for k in [begins[s], begins[s + 1]); no term = not measured.
struct ClockWeights {
  std::vector<int64_t> begins = {0};
  std::vector<int64_t> sources = {};
  std::vector<double> weights = {};
};

/// Appends the rows of one stream.
/// @param times    of its measurements, any order
/// @param sources  their numbers among all values
/// @param clock    strictly ascending
void add_clock_weights(ClockWeights& rows, std::span<const double> times, std::span<const int64_t> sources, std::span<const double> clock,
                       const ClockOptions& options);

}  // namespace alloy::detail
