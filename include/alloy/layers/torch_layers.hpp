// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Layers of LibTorch that alloy's modules hold, by name only: with their headers each file that includes alloy would compile
/// for some seconds longer. A source that uses one includes its header, such as torch/nn/modules/normalization.h.

namespace torch::nn {
class BatchNorm2dImpl;
class Conv1dImpl;
class Conv2dImpl;
class EmbeddingImpl;
class GroupNormImpl;
class GRUImpl;
class LayerNormImpl;
}  // namespace torch::nn
