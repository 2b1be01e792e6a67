// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The subcommands. Each registers itself and returns nothing; its callback returns by exception what goes wrong.

#include <CLI/CLI.hpp>
#include <stdexcept>

namespace alloy::tool {

/// Wrong usage found after parsing: exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

void add_demo(CLI::App& app);
void add_demo_emoji(CLI::App& app);
void add_predict(CLI::App& app);
void add_train(CLI::App& app);
void add_train_contrastive(CLI::App& train);
void add_evaluate(CLI::App& app);
void add_zero_shot(CLI::App& app);
void add_align(CLI::App& app);
void add_list(CLI::App& app);
void add_inspect(CLI::App& app);

}  // namespace alloy::tool
