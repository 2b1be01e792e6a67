// SPDX-License-Identifier: Apache-2.0
#include "commands.hpp"
#include "console.hpp"

#include <alloy/core/json.hpp>
#include <alloy/io/atomic_write.hpp>
#include <alloy/io/file.hpp>
#include <alloy/train/fusion_job.hpp>

#include <fmt/format.h>

namespace alloy::tool {

namespace {

struct Given {
  std::filesystem::path config, out;
};

void train_fusion(const Given& given) {
  const Config config = parse_json(read_text_file(given.config, 16u << 20), given.config.string());
  FusionJobOptions options = from_config<FusionJobOptions>(config);
  OutputFolder out(given.out, "--out");
  if (options.training.log_file.empty()) options.training.log_file = given.out / "log.jsonl";
  ProgressPrinter printer;
  const auto show_epoch = [&](const EpochRecord& r) {
    printer.line(fmt::format("epoch {:>3}  train loss {:.4f}  valid loss {:.4f}  valid score {:.4f}  {}", r.epoch + 1, r.train_loss, r.valid_loss, r.valid_score,
                             duration_text(r.seconds)));
  };
  const FusionJobResult result = run_fusion_job(options, given.config.parent_path(),
                                                {.progress = [&](const Progress& p) { printer.update(p); }, .epoch = show_epoch, .cancel = signal_token()});
  save_model(given.out / "model", result.saved);
  out.keep();
  fmt::print("trained on {} samples, validated on {}, {} parameters, best epoch {}\n", count_text(result.train_samples), count_text(result.valid_samples),
             count_text(result.saved.model->num_parameters()), result.history.best_epoch + 1);
  for (const auto& [cause, count] : result.skipped) fmt::print("skipped {}: {}\n", count, cause);
  fmt::print("model  {}\nlog    {}\n", (given.out / "model").string(), options.training.log_file.string());
}

}  // namespace

void add_train(CLI::App& app) {
  CLI::App* train = app.add_subcommand("train", "Train on data of your own");
  train->require_subcommand(1);
  auto given = std::make_shared<Given>();
  CLI::App* command = train->add_subcommand("fusion", "Train a fusion model on a manifest, as a JSON config says (docs/getting_started.md)");
  command->add_option("--config", given->config, "JSON config")->required();
  command->add_option("--out", given->out, "folder for the model and the log")->required();
  command->callback([given] { train_fusion(*given); });
  add_train_contrastive(*train);
}

}  // namespace alloy::tool
