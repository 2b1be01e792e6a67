// SPDX-License-Identifier: Apache-2.0
#include "arguments.hpp"
#include "commands.hpp"
#include "emoji/report.hpp"

#include <alloy/core/json.hpp>
#include <alloy/io/atomic_write.hpp>

#include <fmt/format.h>

namespace alloy::tool {

void add_demo_emoji(CLI::App& app) {
  auto given = std::make_shared<emoji::DemoOptions>();
  CLI::App* command = app.add_subcommand("demo-emoji", "Find an emoji by typing or by saying it: train one space for pictures, words and speech (run by scripts/demo emoji)");
  command->add_option("--data", given->data, "folder that scripts/fetch-data emoji wrote")->required();
  command->add_option("--config", given->config, "JSON config of the training")->required();
  command->add_option("--out", given->out, "folder for models, tables and report")->required();
  command->add_option("--seeds", given->seeds, "trainings from other beginnings")->capture_default_str()->transform(whole_number(1, 100));
  command->add_flag("!--no-permuted", given->permuted, "leaves out the training on permuted pairs");
  command->add_flag("--quick", given->quick, "a few epochs, to see that all works");
  command->callback([given] {
    OutputFolder out(given->out, "--out");
    ProgressPrinter printer;
    const emoji::DemoResult result = run_demo(*given, printer, signal_token());
    write_file(given->out / "results.json", to_json(demo_json(result)) + "\n");
    const std::string text = demo_text(result);
    write_file(given->out / "tables.txt", text);
    write_demo_report(given->out / "report.html", *given, result, load_joint_model(given->out / "seed-0" / "model"));
    out.keep();
    fmt::print("{}\nmodel   {}\ntables  {}\nreport  {}\n", text, (given->out / "seed-0" / "model").string(), (given->out / "tables.txt").string(),
               (given->out / "report.html").string());
  });
}

}  // namespace alloy::tool
