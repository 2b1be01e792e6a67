// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The best path through a CTC trellis within bounded memory. Knows nothing of LibTorch.

#include "alignment/detail/ctc_kernels.hpp"

#include <functional>
#include <vector>

namespace alloy::detail {

/// One sample. State 2 i is the blank before token i, state 2 i + 1 is token i, state 2 L the blank behind the last token.
struct CtcProblem {
  int64_t frames = 0;
  int64_t num_rows = 0;       ///< distinct tokens
  std::vector<int32_t> rows;  ///< [L], which of the distinct tokens each token of the target is
  /// Writes the log-probabilities of `count` <= kCtcFrames frames from `first` on: emissions[row * kCtcFrames + f] and blanks[f].
  std::function<void(int64_t first, int64_t count, double* emissions, double* blanks)> read;
  /// Called now and then with the number of frames done since the last call; may throw to stop.
  std::function<void(int64_t frames)> tick;
};

struct CtcPath {
  std::vector<int32_t> states;  ///< [T]; empty if no path has a probability above 0
  double score = 0;
};

constexpr int64_t kCtcFirstStride = 128;
/// Frames from checkpoint to checkpoint that keep the search within `max_bytes`: the first of 128, 256, 512 ... that does; 0 if none.
int64_t ctc_stride(int64_t frames, int64_t tokens, int64_t num_rows, int64_t max_bytes);
/// What the search needs at most, in bytes: all but inputs and results.
int64_t ctc_search_bytes(int64_t frames, int64_t tokens, int64_t num_rows, int64_t stride);

/// @param stride  frames from checkpoint to checkpoint, a multiple of kCtcFrames
CtcPath ctc_search(const CtcProblem& problem, int64_t stride, const CtcKernels& kernels);

}  // namespace alloy::detail
