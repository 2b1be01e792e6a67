// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Connectionist temporal classification (Graves et al. 2006): trains a network that gives each frame a distribution over
/// tokens when the order of the tokens is known, and their times are not. LibTorch's loss behind checks that name the sample.

#include <alloy/core/tensor.hpp>

#include <vector>

namespace alloy {

/// Minus the log of the summed probability of all paths that read as the target, divided by the target's length (by 1 for an
/// empty one), mean over the batch. What lies behind a sample's length changes nothing.
/// @param log_probs  [B, T, V] float or double, of log_softmax, finite
/// @param lengths    [B] int64 on the CPU, frames of each sample, 1..T; undefined = T for all
/// @param targets    B lists of tokens, 0..V-1 and not blank
/// @return scalar
/// @throws ShapeError; ConfigError for a blank that is no token; DataError for a target that is blank or no token, and for fewer
///         frames than the target needs (a frame a token, and one more between equal neighbours)
ALLOY_API Tensor ctc_loss(const Tensor& log_probs, const Tensor& lengths, const std::vector<std::vector<int64_t>>& targets, int64_t blank = 0);

}  // namespace alloy
