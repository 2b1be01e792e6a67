// SPDX-License-Identifier: Apache-2.0
#include <alloy/train/trainer.hpp>

#include "train/detail/non_finite_guard.hpp"

#include <alloy/core/json.hpp>
#include <alloy/eval/metrics.hpp>
#include <alloy/eval/predictions.hpp>
#include <alloy/fusion/modality_dropout.hpp>
#include <alloy/train/task_loss.hpp>

#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/adamw.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <chrono>
#include <cmath>
#include <fmt/format.h>
#include <fstream>
#include <limits>
#include <numbers>

namespace alloy {

namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point began) { return std::chrono::duration<double>(Clock::now() - began).count(); }

/// Matrices decay; biases, norms, scales and other vectors do not.
std::vector<torch::optim::OptimizerParamGroup> parameter_groups(torch::nn::Module& model, const TrainerOptions& o) {
  std::vector<Tensor> decayed, plain;
  for (const Tensor& p : model.parameters())
    if (p.requires_grad()) (p.dim() >= 2 ? decayed : plain).push_back(p);
  std::vector<torch::optim::OptimizerParamGroup> groups;
  const auto add = [&](std::vector<Tensor> parameters, double decay) {
    if (parameters.empty()) return;
    groups.emplace_back(std::move(parameters), std::make_unique<torch::optim::AdamWOptions>(torch::optim::AdamWOptions(o.learning_rate).weight_decay(decay)));
  };
  add(std::move(decayed), o.weight_decay);
  add(std::move(plain), 0.0);
  check<ConfigError>(!groups.empty(), "[Trainer] expected a model with parameters to train, got none");
  return groups;
}

/// Linear warm-up, then half a cosine down to 0.
double rate_at(int64_t step, int64_t steps, const TrainerOptions& o) {
  const double warmup = o.warmup * static_cast<double>(steps), place = static_cast<double>(step);
  if (place < warmup) return o.learning_rate * (place + 1) / (warmup + 1);
  const double progress = (place - warmup) / std::max(1.0, static_cast<double>(steps) - warmup);
  return o.learning_rate * 0.5 * (1 + std::cos(std::numbers::pi * progress));
}

/// A copy of all parameters and buffers, to go back to.
class Snapshot {
 public:
  explicit Snapshot(torch::nn::Module& model) {
    for (const auto& p : model.parameters()) tensors_.push_back(p.detach().clone());
    for (const auto& b : model.buffers()) tensors_.push_back(b.detach().clone());
  }
  void restore(torch::nn::Module& model) const {
    const torch::NoGradGuard no_grad;
    auto next = tensors_.begin();
    for (auto& p : model.parameters()) p.copy_(*next++);
    for (auto& b : model.buffers()) b.copy_(*next++);
  }

 private:
  std::vector<Tensor> tensors_;
};

struct Validation {
  double loss = std::numeric_limits<double>::quiet_NaN(), score = std::numeric_limits<double>::quiet_NaN();
};

Validation validate_on(const FusionModel& model, Loader& loader, const CancelToken& cancel) {
  const Predictions all = predict_all(model, loader, {.cancel = cancel});
  check<DataError>(all.target.defined(), "[Trainer] expected validation data with targets, got none");
  const Task task = model->options().task;
  ModelOutput output;
  output.logits = all.logits;
  output.modality_logits = all.modality_logits;
  const Tensor answers = all.logits;
  Validation v{.loss = model_loss(output, all.target, task).item<double>()};
  if (task == Task::classification) v.score = accuracy(answers.argmax(1), all.target);
  else v.score = score_predictions(answers, all.target, task, {.resamples = 1}).back().second.value;
  return v;
}

void write_log(std::ofstream& file, const EpochRecord& r) {
  if (!file.is_open()) return;
  Config line = Config::object();
  line.set("epoch", r.epoch);
  line.set("train_loss", r.train_loss);
  line.set("valid_loss", r.valid_loss);
  line.set("valid_score", r.valid_score);
  line.set("learning_rate", r.learning_rate);
  line.set("gradient_norm", r.gradient_norm);
  line.set("seconds", r.seconds);
  file << to_json(line, -1) << std::endl;  // flushed: the log is read while training runs
}

}  // namespace

void TrainerOptions::validate() const {
  check<ConfigError>(learning_rate > 0 && std::isfinite(learning_rate), "[Trainer] expected learning_rate > 0, got {}", {learning_rate});
  check<ConfigError>(epochs > 0, "[Trainer] expected epochs > 0, got {}", {epochs});
  check<ConfigError>(weight_decay >= 0 && clip_norm >= 0 && patience >= 0, "[Trainer] expected weight_decay, clip_norm and patience >= 0, got {}, {} and {}",
                     {weight_decay, clip_norm, patience});
  for (const auto& [name, value] : {std::pair{"warmup", warmup}, {"label_smoothing", label_smoothing}, {"modality_dropout", modality_dropout}})
    check<ConfigError>(value >= 0 && value < 1, "[Trainer] expected {} in 0..1, got {}", {name, value});
}

Trainer::Trainer(FusionModel model, TrainerOptions options) : model_(std::move(model)), options_(std::move(options)) { options_.validate(); }

TrainResult Trainer::fit(Loader& train, Loader* valid, const TrainCallbacks& callbacks) {
  const TrainerOptions& o = options_;
  const Task task = model_->options().task;
  const auto device = model_->parameters().at(0).device();
  torch::optim::AdamW optimizer(parameter_groups(*model_, o), torch::optim::AdamWOptions(o.learning_rate));
  const ModalityDropout dropout({.rate = o.modality_dropout});
  Random random(mix_seed({static_cast<uint64_t>(o.seed), 0x6d6f64}));
  seed_everything(mix_seed({static_cast<uint64_t>(o.seed), 0x74726e}));
  const std::filesystem::path log_folder = o.log_file.has_parent_path() ? o.log_file.parent_path() : ".";
  check<IoError>(o.log_file.empty() || std::filesystem::is_directory(log_folder), "[Trainer] expected a folder for the log {}, got none", {o.log_file});
  std::ofstream log;  // opened for the first line: a run that fails before leaves the log of an earlier one alone
  TrainResult result;
  detail::NonFiniteGuard guard("Trainer");
  std::optional<Snapshot> best;
  double best_loss = std::numeric_limits<double>::infinity();
  const auto began = Clock::now();
  const int64_t total = train.num_batches() * o.epochs;
  check<ConfigError>(total > 0, "[Trainer] expected at least one batch an epoch, got none; drop_last leaves nothing of {} samples", {train.num_samples()});

  const auto finish = [&] {
    if (best) best->restore(*model_);
    model_->eval();
    result.skipped_steps = guard.skipped();
    result.seconds = seconds_since(began);
  };
  try {
    for (int64_t epoch = 0; epoch < o.epochs; ++epoch) {
      EpochRecord record{.epoch = epoch};
      const auto epoch_began = Clock::now();
      model_->train();
      train.start(epoch);
      LabelledBatch batch;
      double loss_sum = 0, norm_sum = 0;
      int64_t taken = 0;
      while (train.next(batch)) {
        callbacks.cancel.check("Trainer");
        check<DataError>(batch.target.defined(), "[Trainer] expected targets in the training data, got none at sample '{}'", {batch.ids.front()});
        const Batch shown = o.modality_dropout > 0 ? dropout(batch.inputs, random) : batch.inputs;
        record.learning_rate = rate_at(result.steps, total, o);
        for (auto& group : optimizer.param_groups()) group.options().set_lr(record.learning_rate);
        optimizer.zero_grad();
        const Tensor loss = model_loss(model_->forward(to(shown, device)), batch.target.to(device), task, o.label_smoothing);
        const double value = loss.item<double>();
        double norm = std::numeric_limits<double>::quiet_NaN();
        if (std::isfinite(value)) {
          loss.backward();
          norm = torch::nn::utils::clip_grad_norm_(model_->parameters(), o.clip_norm > 0 ? o.clip_norm : std::numeric_limits<double>::infinity());
        }
        const bool finite = std::isfinite(value) && std::isfinite(norm);
        if (finite) {
          optimizer.step();
          loss_sum += value, norm_sum += norm, ++taken;
        }
        guard.step(finite);
        ++result.steps;
        if (callbacks.progress)
          callbacks.progress({.stage = "train", .done = result.steps, .total = total, .seconds = seconds_since(began),
                              .note = fmt::format("epoch {}/{} loss {:.4f}", epoch + 1, o.epochs, loss_sum / static_cast<double>(std::max<int64_t>(taken, 1)))});
      }
      record.train_loss = loss_sum / static_cast<double>(std::max<int64_t>(taken, 1));
      record.gradient_norm = norm_sum / static_cast<double>(std::max<int64_t>(taken, 1));
      model_->eval();
      const Validation v = valid != nullptr ? validate_on(model_, *valid, callbacks.cancel) : Validation{};
      record.valid_loss = v.loss;
      record.valid_score = v.score;
      record.seconds = seconds_since(epoch_began);
      if (valid == nullptr) result.best_epoch = epoch;
      if (v.loss < best_loss) {
        best_loss = v.loss;
        result.best_epoch = epoch;
        best.emplace(*model_);
      }
      result.epochs.push_back(record);
      if (!o.log_file.empty() && !log.is_open()) {
        log.open(o.log_file);
        check<IoError>(log.is_open(), "[Trainer] expected to write the log {}, could not open it", {o.log_file});
      }
      write_log(log, record);
      if (callbacks.epoch) callbacks.epoch(record);
      if (valid != nullptr && o.patience > 0 && epoch - result.best_epoch >= o.patience) {
        result.stopped_early = epoch + 1 < o.epochs;
        break;
      }
    }
  } catch (...) {
    finish();
    throw;
  }
  finish();
  if (const auto* rule = model_->fusion().decision(); rule != nullptr && valid != nullptr) {
    const Predictions all = predict_all(model_, *valid, {.cancel = callbacks.cancel});
    (*rule)->fit(all.modality_logits, all.target);
  }
  return result;
}

}  // namespace alloy
