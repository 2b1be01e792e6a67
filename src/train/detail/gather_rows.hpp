// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <alloy/train/process_group.hpp>

namespace alloy::detail {

enum class Gradient { none, wanted };
/// all_gather_with_grad where the processes have agreed whether there is a gradient: the same on all.
Tensor gather_rows(const Tensor& rows, const ProcessGroup& group, Gradient gradient);

}  // namespace alloy::detail
