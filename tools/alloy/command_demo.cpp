// SPDX-License-Identifier: Apache-2.0
#include "arguments.hpp"
#include "commands.hpp"

#include "demo/run.hpp"

namespace alloy::tool {

void add_demo(CLI::App& app) {
  auto options = std::make_shared<demo::DemoOptions>();
  CLI::App* command = app.add_subcommand("demo", "Compare early, hybrid and late fusion on a catalogue of photos, spoken names and typed tags");
  command->add_flag("--quick", options->quick, "small and fast: shows that everything runs, proves nothing");
  command->add_option("--out", options->out, "folder for report.html, results.json and the model")->capture_default_str();
  command->add_option("--seed", options->seed, "first seed")->capture_default_str()->transform(whole_number(0));
  command->add_option("--seeds", options->seeds, "number of seeds; tables then show means")->capture_default_str()->transform(whole_number(1, 1000));
  command->callback([options] { demo::run_demo(*options); });
}

}  // namespace alloy::tool
