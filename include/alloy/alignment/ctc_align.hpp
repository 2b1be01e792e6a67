// SPDX-License-Identifier: Apache-2.0
#pragma once

/// CTC forced alignment: what was said is known, and a network trained with CTC says how probable each token is in each frame.
/// Found is when each token was said: the most probable of all ways to spread the tokens over the frames (Graves et al. 2006,
/// "Connectionist Temporal Classification"; the search is that of Viterbi over the states of its section 4.1).
///
///     const Tensor log_probs = recogniser->forward(audio).log_softmax(-1);             // [T, V]
///     const CtcAlignment alignment = ctc_forced_align(log_probs, {8, 5, 12, 12, 15});   // frames of each letter
///     const auto words = word_spans(alignment, ...);                                    // word_spans.hpp

#include <alloy/core/options.hpp>
#include <alloy/core/progress.hpp>
#include <alloy/core/tensor.hpp>

#include <vector>

namespace alloy {

struct CtcAlignOptions {
  int64_t blank = 0;
  int64_t max_memory_mb = 512;
  static void describe(auto& self, auto&& field) {
    field("blank", self.blank, "index of the blank among the V tokens, >= 0");
    field("max_memory_mb", self.max_memory_mb, "of the search's own memory for a sample, in 10^6 bytes, >= 16; less memory costs some time");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// Where one token of the target lies: frames [start, stop), of which there is at least one.
struct TokenSpan {
  int64_t token = 0;
  int64_t start = 0;
  int64_t stop = 0;
  double score = 0;  ///< mean log-probability of the token over its frames
};

/// The best path of one sample. A CTC network usually says a token in one or two frames and blank in the rest of its sound:
/// the spans are true to the network, not to the sound. `word_spans` makes up for it.
struct CtcAlignment {
  std::vector<TokenSpan> spans;  ///< one a token of the target, in order, never overlapping
  std::vector<int64_t> labels;   ///< [T], the token or blank of each frame
  double log_score = 0;          ///< sum of the log-probabilities of `labels`
};

/// One sample. Between two equal tokens in a row there is at least one blank; elsewhere blanks are free. All sums are in double,
/// whatever the input: no other path has a higher score, to 1e-12 of its size. Of equal paths the result is always the same one, on
/// any machine. Takes T (2 L + 1) steps; memory: `max_memory_mb`, and less where T L is small.
/// Empty targets give blanks alone and no spans; no frames and no tokens give a score of 0.
/// @param log_probs  [T, V] float or double, of any stride and device; natural logarithms, normalised or not; -inf is a probability of 0
/// @param targets    L tokens, 0..V-1 and not blank
/// @throws ShapeError; ConfigError for a blank that is no token, and for memory that cannot do, with what could; DataError for a
///         target that is blank or no token, for NaN and +inf (frame and token), for fewer frames than the tokens need (says
///         how many would do), and if every path has a probability of 0; CancelledError
ALLOY_API CtcAlignment ctc_forced_align(const Tensor& log_probs, const std::vector<int64_t>& targets, const CtcAlignOptions& options = {},
                                        const ProgressCallback& progress = {}, const CancelToken& cancel = {});

/// A batch: each sample as if it were alone, errors name the sample. What lies behind a sample's length is never read.
/// @param log_probs  [B, T, V]
/// @param lengths    [B] int64 on the CPU, frames of each sample, 0..T; undefined = T for all
/// @param targets    B lists of tokens
/// @param progress   frames done of all samples' frames, on the calling thread
ALLOY_API std::vector<CtcAlignment> ctc_forced_align(const Tensor& log_probs, const Tensor& lengths, const std::vector<std::vector<int64_t>>& targets,
                                                     const CtcAlignOptions& options = {}, const ProgressCallback& progress = {},
                                                     const CancelToken& cancel = {});

/// The fewest frames that a path needs: the number of tokens and a blank for each token that equals the one before it.
ALLOY_API int64_t ctc_frames_needed(const std::vector<int64_t>& targets);

}  // namespace alloy
