// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What a model's outputs mean.

#include <array>
#include <string_view>
#include <utility>

namespace alloy {

enum class Task {
  classification,  ///< one of K classes: softmax, target [B] int64
  multilabel,      ///< any of K labels: sigmoid, target [B, K] in 0..1
  regression,      ///< K values: identity, target [B, K]
};

constexpr auto enum_names(Task) {
  return std::to_array<std::pair<Task, std::string_view>>({{Task::classification, "classification"},
                                                           {Task::multilabel, "multilabel"},
                                                           {Task::regression, "regression"}});
}

}  // namespace alloy
