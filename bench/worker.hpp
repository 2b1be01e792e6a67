// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What a measured piece of work looks like to the program that runs it.

#include <alloy/core/config.hpp>
#include <alloy/core/tensor.hpp>

#include <functional>
#include <map>
#include <string>

namespace bench {

using Inputs = std::map<std::string, at::Tensor>;
/// Figures by which both sides are compared, such as the loss and norms of gradients.
using Outputs = std::vector<std::pair<std::string, double>>;

/// One call. What it needs is made once, by the factory.
using Work = std::function<Outputs()>;
using Factory = std::function<Work(const Inputs& inputs)>;

/// By name, as bench/workloads/*.py calls them.
const std::map<std::string, Factory>& workloads();

}  // namespace bench
