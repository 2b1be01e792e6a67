// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Contrastive losses, as functions of tensors; modules only where something is learned or kept.

#include <alloy/losses/decoupled.hpp>
#include <alloy/losses/distillation.hpp>
#include <alloy/losses/info_nce.hpp>
#include <alloy/losses/logit_scale.hpp>
#include <alloy/losses/matryoshka.hpp>
#include <alloy/losses/memory_queue.hpp>
#include <alloy/losses/multi_similarity.hpp>
#include <alloy/losses/pair_info.hpp>
#include <alloy/losses/pairwise.hpp>
#include <alloy/losses/region_word.hpp>
#include <alloy/losses/sigmoid_loss.hpp>
#include <alloy/losses/supervised_contrastive.hpp>
#include <alloy/losses/token_wise.hpp>
#include <alloy/losses/triplet.hpp>
