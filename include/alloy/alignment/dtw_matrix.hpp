// SPDX-License-Identifier: Apache-2.0
#pragma once

/// DTW distances of many series at once. Independent pairs are computed side by side in the lanes of vectors (16 of float32, 8 of
/// float64 with AVX-512), which is tens of times faster than pair by pair. Exact; on all threads of alloy::threads().

#include <alloy/alignment/dtw.hpp>

#include <vector>

namespace alloy {

/// Distances of all pairs of a set.
/// @param series  [T_n] or [T_n, D] each, one dtype and one D; lengths may differ
/// @return [N, N] of that dtype: entry (n, m) is dtw(series[n], series[m]).distance; symmetric with 0 on the diagonal if ends are closed
/// @throws as dtw, naming the series; DataError for an empty set
ALLOY_API Tensor dtw_distance_matrix(const std::vector<Tensor>& series, const DtwOptions& options = {}, const DtwCallbacks& callbacks = {});

/// The same from each series of one set to each of another: [N, M]. Ends that are open are those of `ys`.
ALLOY_API Tensor dtw_distances_between(const std::vector<Tensor>& xs, const std::vector<Tensor>& ys, const DtwOptions& options = {},
                                       const DtwCallbacks& callbacks = {});

}  // namespace alloy
