// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "commands.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace alloy::tool {

/// What `alloy evaluate` was given.
struct EvaluateGiven {
  std::filesystem::path model, data, labels, templates;
  std::vector<std::string> columns;
  std::string split, prompts = "text", group_by, alternatives;
  int64_t batch_size = 64;
  bool json = false;
};

/// For a model of the type alloy_joint.
void evaluate_joint(const EvaluateGiven& given);

}  // namespace alloy::tool
