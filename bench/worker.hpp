// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What a measured piece of work looks like to the program that runs it (bench/worker.cpp). Each file of bench/workloads adds its own.

#include <alloy/core/config.hpp>
#include <alloy/core/tensor.hpp>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace bench {

using Inputs = std::map<std::string, at::Tensor>;
/// What one call computes: both sides must give the same.
using Outputs = std::vector<std::pair<std::string, at::Tensor>>;

struct Work {
  /// One call, which is what is timed.
  std::function<Outputs()> call;
  /// Outside the time: turns outputs into what they are compared by, where that is not themselves.
  std::function<Outputs(const Outputs&)> compared = {};
};
/// Makes what a call needs, once.
using Factory = std::function<Work(const Inputs& inputs)>;

/// Names a piece of work, for the Python file beside it; at namespace scope: `const bool added = bench::add("name", factory);`
/// @throws ConfigError for a name that is taken
bool add(const std::string& name, Factory factory);
/// @throws ConfigError that lists what is known
const Factory& find_work(const std::string& name);

}  // namespace bench
