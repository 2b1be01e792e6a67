// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "train/detail/collectives.hpp"

#include <torch/csrc/distributed/c10d/Store.hpp>

namespace alloy::detail {

/// Tensors on a GPU go through NCCL, others through `on_cpu`. Nobody has run it on a GPU yet: untested.
std::unique_ptr<Collectives> with_nccl(std::unique_ptr<Collectives> on_cpu, const c10::intrusive_ptr<c10d::Store>& store, const ProcessGroupOptions& options);

}  // namespace alloy::detail
