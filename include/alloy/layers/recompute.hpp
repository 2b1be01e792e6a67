// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Activations that are computed again in the backward pass instead of being kept ("gradient checkpointing", Chen et al.
/// 2016): memory for one more forward pass.

#include <alloy/core/tensor.hpp>
#include <torch/nn/module.h>

#include <functional>

namespace alloy {

/// block(x), of which only x is kept; the backward pass runs it again, with the same dropout and autocast. What it captures must stay as it is until
/// then; gradients of parameters that it uses are added to them by `backward()`: `torch::autograd::grad` does not see them.
/// @param x  floating; without a gradient of its own it is given one that nobody reads
/// @return block(x); without gradient mode, simply that
ALLOY_API Tensor recomputed(std::function<Tensor(const Tensor&)> block, const Tensor& x);

/// Makes all transformers in a module compute the activations of their blocks again in training, or keep them.
/// @return how many transformers there are
ALLOY_API int64_t recompute_blocks(torch::nn::Module& module, bool on);

}  // namespace alloy
