// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Learning curves of one training, as a small chart beside others.

#include "results.hpp"

#include <string>
#include <vector>

namespace alloy::demo::html {

/// Score and loss of one training, one above the other.
struct CurvePanel {
  std::string title;
  const std::vector<CurvePoint>* curve = nullptr;                ///< at least one point
  std::vector<const std::vector<CurvePoint>*> context = {};      ///< scores of others, in grey
  double max_loss = 1;                                           ///< end of the loss axis
  int64_t max_epoch = 1;                                         ///< end of the epoch axis
};
std::string curve_panel(const CurvePanel& panel);

}  // namespace alloy::demo::html
