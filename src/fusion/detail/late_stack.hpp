// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What LateFusion's rules and its fitting share.

#include <alloy/fusion/late.hpp>

namespace alloy {

struct LateFusionImpl::Stack {
  Tensor logits;   // [B, M, K], zero where absent
  Tensor present;  // [B, M] bool
};

namespace detail {

/// Logits to what rules combine: probabilities, or values for regression.
inline Tensor opinions(const Tensor& logits, Task task) {
  if (task == Task::classification) return logits.softmax(-1);
  return task == Task::multilabel ? logits.sigmoid() : logits;
}

/// log x that stays finite at zero.
inline Tensor safe_log(const Tensor& x) { return x.clamp_min(1e-30).log(); }

}  // namespace detail
}  // namespace alloy
