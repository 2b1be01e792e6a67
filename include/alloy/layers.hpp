// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Building blocks of encoders and fusions: linear maps, attention with masks, transformer blocks, pooling, positions.

#include <alloy/layers/attention.hpp>
#include <alloy/layers/conv.hpp>
#include <alloy/layers/linear.hpp>
#include <alloy/layers/mlp.hpp>
#include <alloy/layers/patch_dropout.hpp>
#include <alloy/layers/pooling.hpp>
#include <alloy/layers/positions.hpp>
#include <alloy/layers/recompute.hpp>
#include <alloy/layers/residual_conv.hpp>
#include <alloy/layers/torch_layers.hpp>
#include <alloy/layers/transformer.hpp>
