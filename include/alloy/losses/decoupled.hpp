// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Decoupled contrast (Yeh et al. 2022, eq. 4): InfoNCE without the positive in the denominator, which learns better from
/// small batches.

#include <alloy/losses/pair_info.hpp>

namespace alloy {

/// As info_nce, with the log-sum-exp over negatives only. A row without negatives gives nothing.
/// @return a scalar, may be negative
ALLOY_API Tensor decoupled_contrastive(const Tensor& a, const Tensor& b, const Tensor& scale, const PairInfo& pairs = {});

}  // namespace alloy
