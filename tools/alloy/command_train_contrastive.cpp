// SPDX-License-Identifier: Apache-2.0
#include "arguments.hpp"
#include "commands.hpp"
#include "console.hpp"

#include <alloy/core/json.hpp>
#include <alloy/data/modality_reader.hpp>
#include <alloy/io/file.hpp>
#include <alloy/train/contrastive_job.hpp>

#include <chrono>
#include <ctime>
#include <fmt/chrono.h>
#include <fmt/format.h>

namespace alloy::tool {

namespace {

/// What open_clip's flags set. Flags that are given win over the config.
struct Given {
  std::filesystem::path config, logs = "logs";
  std::string name, image_key = "filepath", caption_key = "title", separator, precision, scheduler, optimizer, report_to, resume, dataset_type, train_data, val_data, positives;
  std::filesystem::path pretrained, zeroshot_data, zeroshot_templates;
  int64_t zeroshot_frequency = 1;
  int64_t batch_size = 64, epochs = 32, warmup = 0, accum_freq = 1, workers = 0, seed = 0, log_every = 100, save_frequency = 1, synthetic_samples = 2000, chunk_size = 0;
  double lr = 5e-4, wd = 0.2, beta1 = 0.9, beta2 = 0.98, eps = 1e-6, clip = 1.0, average = 0.0, patch_dropout = -1.0;
  double dist_timeout = 300;
  bool local_loss = false, gather_with_grad = false;
  bool grad_checkpointing = false, siglip = false, lock_image = false, lock_text = false, save_most_recent = false, force_resume = false;
};

void add_flags(CLI::App& app, Given& g) {
  app.add_option("--config", g.config, "JSON config: data, modalities, model, training (docs/contrastive.md)");
  app.add_option("--train-data", g.train_data, "CSV, TSV or JSONL with paths and captions, or tar shards (train-{000..009}.tar, a folder)");
  app.add_option("--val-data", g.val_data, "the same, to retrieve among after each epoch");
  app.add_option("--zeroshot-data", g.zeroshot_data, "CSV, TSV or JSONL with the column of the pictures and `label`: zero-shot accuracy after epochs");
  app.add_option("--zeroshot-frequency", g.zeroshot_frequency, "epochs from one time to the next; after the last always")->capture_default_str();
  app.add_option("--zeroshot-templates", g.zeroshot_templates, "text file, a sentence with {} for the label a line; default: the label alone");
  app.add_option("--dataset-type", g.dataset_type, "auto, csv, webdataset, synthetic")->check(CLI::IsMember({"auto", "csv", "webdataset", "synthetic"}));
  app.add_option("--csv-img-key", g.image_key, "column of the image paths")->capture_default_str();
  app.add_option("--csv-caption-key", g.caption_key, "column of the captions")->capture_default_str();
  app.add_option("--csv-separator", g.separator, "between cells; default: by the file's name, tab for any other name");
  app.add_option("--synthetic-samples", g.synthetic_samples, "scenes of the synthetic set")->capture_default_str();
  app.add_option("--batch-size", g.batch_size, "samples a batch and process")->capture_default_str();
  app.add_option("--epochs", g.epochs, "passes over the data")->capture_default_str();
  app.add_option("--workers", g.workers, "threads that read files beside those that compute; 0 = those")->capture_default_str();
  app.add_option("--lr", g.lr, "learning rate at its peak")->capture_default_str();
  app.add_option("--wd", g.wd, "weight decay")->capture_default_str();
  app.add_option("--warmup", g.warmup, "steps that raise the learning rate")->capture_default_str();
  app.add_option("--beta1", g.beta1, "of AdamW")->capture_default_str();
  app.add_option("--beta2", g.beta2, "of AdamW")->capture_default_str();
  app.add_option("--eps", g.eps, "of AdamW")->capture_default_str();
  app.add_option("--opt", g.optimizer, "adamw, stable_adamw, sgd")->check(CLI::IsMember({"adamw", "stable_adamw", "sgd"}));
  app.add_option("--lr-scheduler", g.scheduler, "cosine, const")->check(CLI::IsMember({"cosine", "const"}));
  app.add_option("--precision", g.precision, "fp32, amp_bf16")->check(CLI::IsMember({"fp32", "bf16", "amp_bf16"}));
  app.add_option("--grad-clip-norm", g.clip, "largest gradient norm, 0 = not clipped")->capture_default_str();
  app.add_option("--accum-freq", g.accum_freq, "batches that make one batch of the loss, by the gradient cache")->capture_default_str();
  app.add_option("--chunk-size", g.chunk_size, "samples encoded at once, by the gradient cache; 0 = a batch")->capture_default_str();
  app.add_option("--ema", g.average, "decay of a moving average of the weights, 0 = none")->capture_default_str();
  app.add_flag("--grad-checkpointing", g.grad_checkpointing, "transformer blocks compute their activations again in the backward pass");
  app.add_option("--force-patch-dropout", g.patch_dropout, "0..1, share of the patches that training leaves out, whatever the encoders say")->check(number(0, 1));
  app.add_flag("--siglip", g.siglip, "sigmoid loss");
  app.add_flag("--lock-image", g.lock_image, "the image tower stays as it is");
  app.add_flag("--lock-text", g.lock_text, "the text tower stays as it is");
  app.add_option("--pretrained", g.pretrained, "model folder to start from");
  app.add_option("--resume", g.resume, "path of a checkpoint, or latest");
  app.add_flag("--force-resume", g.force_resume, "although data, batch size or number of processes changed");
  app.add_option("--save-frequency", g.save_frequency, "epochs between checkpoints")->capture_default_str();
  app.add_flag("--save-most-recent", g.save_most_recent, "keeps only the newest checkpoint, and the best");
  app.add_flag("--local-loss", g.local_loss, "over several processes: each computes its own rows against all");
  app.add_flag("--gather-with-grad", g.gather_with_grad, "with --local-loss: the whole gradient, as of one big batch");
  app.add_option("--dist-timeout", g.dist_timeout, "seconds that a process waits for the others")->capture_default_str();
  app.add_option("--report-to", g.report_to, "what is written beside log.jsonl: all, tensorboard, html, none")->check(CLI::IsMember({"all", "tensorboard", "html", "none"}));
  app.add_option("--logs", g.logs, "folder of all runs")->capture_default_str();
  app.add_option("--name", g.name, "of this run, a folder in --logs; default: the time");
  app.add_option("--seed", g.seed, "of weights, order and dropout")->capture_default_str();
  app.add_option("--log-every-n-steps", g.log_every, "steps between lines")->capture_default_str();
}

/// Sets a field if its flag was given, or if no config says anything of it.
class Overrides {
 public:
  Overrides(const CLI::App& app, bool config) : app_(app), config_(config) {}
  template <class T, class V>
  void operator()(const char* flag, T& field, const V& value) const {
    if (!config_ || app_.count(flag) > 0) field = value;
  }

 private:
  const CLI::App& app_;
  bool config_;
};

void set_modalities(const CLI::App& app, const Given& g, ContrastiveJobOptions& o) {
  if (o.modalities.empty() && o.dataset_type != DatasetType::synthetic)
    o.modalities = {{.name = "image", .kind = "image", .preprocess = to_config(ImageTransformOptions{.size = 64})}, {.name = "text", .kind = "text", .preprocess = to_config(ByteTokenizerOptions{.max_length = 77})}};
  for (JobModality& m : o.modalities) {
    if (m.name == "image" && m.column.empty() && (g.config.empty() || app.count("--csv-img-key") > 0)) m.column = g.image_key;
    if (m.name == "text" && m.column.empty() && (g.config.empty() || app.count("--csv-caption-key") > 0)) m.column = g.caption_key;
  }
}

char separator_of(const std::string& text) {
  if (text == "\\t" || text == "tab") return '\t';
  if (text.size() != 1) throw UsageError(fmt::format("--csv-separator: expected one character, got '{}'", text));
  return text.front();
}

ContrastiveJobOptions job_options(const CLI::App& app, const Given& g) {
  ContrastiveJobOptions o;
  if (!g.config.empty()) o = from_unfinished_config<ContrastiveJobOptions>(parse_json(read_text_file(g.config, 16u << 20), g.config.string()));
  const Overrides set(app, !g.config.empty());
  ContrastiveTrainerOptions& t = o.training;
  if (!g.train_data.empty()) o.data = std::filesystem::absolute(g.train_data).string();
  if (!g.val_data.empty()) o.valid_data = std::filesystem::absolute(g.val_data).string();
  if (!g.zeroshot_data.empty()) o.zero_shot.data = std::filesystem::absolute(g.zeroshot_data);
  if (!g.zeroshot_templates.empty()) o.zero_shot.templates_file = std::filesystem::absolute(g.zeroshot_templates), o.zero_shot.templates.clear();
  set("--zeroshot-frequency", o.zero_shot.every, g.zeroshot_frequency);
  if (!g.dataset_type.empty()) o.dataset_type = enum_from_name<DatasetType>(g.dataset_type, "--dataset-type");
  if (!g.separator.empty()) o.separator = separator_of(g.separator);
  set("--synthetic-samples", o.synthetic_samples, g.synthetic_samples);
  set("--batch-size", o.batch_size, g.batch_size);
  set("--workers", o.workers, g.workers);
  set("--epochs", t.epochs, g.epochs);
  set("--lr", t.learning_rate, g.lr);
  set("--wd", t.optimizer.weight_decay, g.wd);
  set("--beta1", t.optimizer.beta1, g.beta1);
  set("--beta2", t.optimizer.beta2, g.beta2);
  set("--eps", t.optimizer.eps, g.eps);
  set("--grad-clip-norm", t.clip_norm, g.clip);
  set("--accum-freq", t.accum_freq, g.accum_freq);
  set("--chunk-size", t.chunk_size, g.chunk_size);
  set("--ema", t.weight_average, g.average);
  set("--force-patch-dropout", t.force_patch_dropout, g.patch_dropout);
  set("--seed", t.seed, g.seed);
  set("--log-every-n-steps", t.log_every, g.log_every);
  set("--save-frequency", t.save_every, g.save_frequency);
  set("--warmup", t.schedule.warmup, g.warmup);
  if (!g.optimizer.empty()) t.optimizer.kind = enum_from_name<OptimizerKind>(g.optimizer, "--opt");
  if (!g.scheduler.empty()) t.schedule.kind = enum_from_name<ScheduleKind>(g.scheduler, "--lr-scheduler");
  if (!g.precision.empty()) t.precision = g.precision == "fp32" ? Precision::fp32 : Precision::bf16;
  if (!g.report_to.empty()) t.report_to = enum_from_name<ReportTo>(g.report_to, "--report-to");
  if (g.save_most_recent) t.checkpoints.keep_last = 1;
  if (!g.pretrained.empty()) o.pretrained = std::filesystem::absolute(g.pretrained);
  if (g.grad_checkpointing) t.grad_checkpointing = true;
  if (g.siglip) o.model.loss.objective = PairObjective::sigmoid, o.model.loss.scale = {.start = 10.0, .bias = -10.0, .with_bias = true};
  if (g.lock_image) t.lock.emplace_back("image");
  if (g.lock_text) t.lock.emplace_back("text");
  if (g.config.empty() && o.dataset_type == DatasetType::synthetic) o.valid_share = 0.1;
  if (g.local_loss) t.distributed = {.local_loss = true, .gather_with_grad = g.gather_with_grad};
  t.resume = g.resume == "latest" || g.resume.empty() ? g.resume : std::filesystem::absolute(g.resume).string();
  t.force_resume = g.force_resume;
  set_modalities(app, g, o);
  return o;
}

std::string run_name(const Given& g) {
  if (!g.name.empty()) return g.name;
  const std::time_t now = std::time(nullptr);
  return fmt::format("{:%Y_%m_%d-%H_%M_%S}", fmt::localtime(now));
}

void report(const ContrastiveJobResult& result, const std::filesystem::path& run) {
  fmt::print("trained on {} samples, {} parameters, {} steps", count_text(result.train_samples), count_text(result.saved.model->num_parameters()), count_text(result.history.steps));
  if (result.history.best_score) fmt::print(", best epoch {} with mean R@1 {:.4f} among {} samples", result.history.best_epoch + 1, *result.history.best_score, count_text(result.valid_samples));
  fmt::print("\n");
  for (const auto& [name, count] : result.present)
    if (count < result.train_samples) fmt::print("{}: {} of {} samples have it\n", name, count_text(count), count_text(result.train_samples));
  for (const auto& [cause, count] : result.skipped) fmt::print("skipped {}: {}\n", count, cause);
  if (result.history.skipped_steps > 0) fmt::print("skipped {} steps that were not finite\n", result.history.skipped_steps);
  fmt::print("model        {}\nlog          {}\ncheckpoints  {}\n", (run / "model").string(), (run / "log.jsonl").string(), (run / "checkpoints").string());
}

void train_contrastive(const CLI::App& app, const Given& given) {
  if (given.config.empty() && given.train_data.empty() && given.dataset_type != "synthetic") throw UsageError("train contrastive: expected --train-data, --dataset-type synthetic or --config");
  if (!given.resume.empty() && given.name.empty() && given.resume == "latest") throw UsageError("--resume latest: expected --name of the run to go on with");
  ContrastiveJobOptions options = job_options(app, given);
  ProcessGroupOptions processes = process_group_from_environment();
  processes.timeout_seconds = given.dist_timeout;
  if (processes.world_size > 1 && given.name.empty()) throw UsageError("train contrastive: expected --name with several processes, which share a folder");
  ProcessGroup group(processes);
  const bool speaks = group.rank() == 0;
  const std::filesystem::path run = std::filesystem::absolute(given.logs / run_name(given));
  OutputFolder out(run, "--logs");
  options.training.folder = run;
  ProgressPrinter printer;
  const auto show_epoch = [&](const ContrastiveEpochRecord& r) {
    if (!speaks) return;
    std::string text = fmt::format("epoch {:>3}  train loss {:.4f}", r.epoch + 1, r.train_loss);
    if (r.validation && r.validation->score) text += fmt::format("  mean R@1 {:.4f}", *r.validation->score);
    if (r.validation)
      for (const auto& [name, value] : r.validation->values)
        if (name.find("zero-shot") != std::string::npos) text += fmt::format("  {} {:.4f}", name, value);
    printer.line(text + "  " + duration_text(r.seconds));
  };
  const ContrastiveJobResult result = run_contrastive_job(options, given.config.parent_path(),
                                                          {.progress = [&](const Progress& p) { if (speaks) printer.update(p); },
                                                           .log = [&](const ContrastiveStepRecord& r) { if (speaks) printer.line(log_line(r)); },
                                                           .epoch = show_epoch,
                                                           .cancel = signal_token()},
                                                          group);
  out.keep();
  if (!speaks) return;
  save_model(run / "model", result.saved);
  report(result, run);
}

}  // namespace

void add_train_contrastive(CLI::App& train) {
  auto given = std::make_shared<Given>();
  CLI::App* command = train.add_subcommand("contrastive", "Train encoders into one space, with open_clip's flags or a JSON config (docs/contrastive.md)");
  add_flags(*command, *given);
  command->callback([given, command] { train_contrastive(*command, *given); });
}

}  // namespace alloy::tool
