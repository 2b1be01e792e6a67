// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Ways to combine modalities. Early: InputConcat, ConcatFusion, SumFusion, EarlyTransformer. Hybrid: GatedFusion,
/// AttentionFusion, TensorFusion, LowRankFusion, CrossAttentionFusion. Late: LateFusion.

#include <alloy/fusion/attention.hpp>
#include <alloy/fusion/concat.hpp>
#include <alloy/fusion/cross_attention.hpp>
#include <alloy/fusion/early_transformer.hpp>
#include <alloy/fusion/gated.hpp>
#include <alloy/fusion/input_concat.hpp>
#include <alloy/fusion/late.hpp>
#include <alloy/fusion/low_rank.hpp>
#include <alloy/fusion/missing.hpp>
#include <alloy/fusion/modality_dropout.hpp>
#include <alloy/fusion/register.hpp>
#include <alloy/fusion/sum.hpp>
#include <alloy/fusion/tensor.hpp>
