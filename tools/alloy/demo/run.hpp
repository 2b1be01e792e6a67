// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The demo from start to end.

#include "demo/experiment.hpp"

namespace alloy::demo {

struct DemoOptions {
  std::filesystem::path out = "alloy-demo";
  bool quick = false;
  int64_t seed = 0;
  int64_t seeds = 1;
};

/// Runs all tasks and seeds; writes results.json, report.html and the folder `model` into `out`, prints the tables.
void run_demo(const DemoOptions& options);

/// The tables as printed on the terminal.
std::string tables_text(const Results& results);
/// What the demo promises, against what was measured.
std::vector<Expectation> check_expectations(const Results& results);

}  // namespace alloy::demo
