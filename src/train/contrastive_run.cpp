// SPDX-License-Identifier: Apache-2.0
#include "train/detail/contrastive_run.hpp"
#include "train/detail/retrieval_validation.hpp"
#include "train/detail/run_report.hpp"

#include <alloy/core/log.hpp>
#include <alloy/core/random.hpp>
#include <alloy/io/module_state.hpp>
#include <alloy/train/data_parallel.hpp>

#include <torch/types.h>
#include <torch/utils.h>

#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace alloy::detail {

namespace {

namespace fs = std::filesystem;
constexpr auto kModel = "model.safetensors";
constexpr auto kOptimizer = "optimizer.safetensors";
constexpr auto kAverage = "average.safetensors";

double seconds_since(std::chrono::steady_clock::time_point began) { return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(); }

int64_t steps_an_epoch(const Loader& train, const ContrastiveTrainerOptions& o) { return (train.num_batches() + o.accum_freq - 1) / o.accum_freq; }

ModalityMap<double> scales_of(JointEmbedding model) {
  ModalityMap<double> scales;
  const torch::NoGradGuard no_grad;
  for (const auto& [name, scale] : model->objective()->scales()) scales.insert(name, scale->forward().item<double>());
  return scales;
}

std::optional<Checkpoint> checkpoint_to_resume(const ContrastiveTrainerOptions& o) {
  if (o.resume.empty()) return std::nullopt;
  if (o.resume != "latest") return read_checkpoint(o.resume);
  const auto latest = latest_checkpoint(o.folder / "checkpoints");
  if (!latest) log_message(LogLevel::warning, format_message("[ContrastiveTrainer] no checkpoint in {} yet: starting from the beginning", {o.folder / "checkpoints"}));
  return latest;
}

}  // namespace

ContrastiveRun::ContrastiveRun(JointEmbedding model, const ContrastiveTrainerOptions& options, ProcessGroup group, Loader& train, Loader* valid, const ContrastiveCallbacks& callbacks)
    : model_(std::move(model)),
      group_(std::move(group)),
      train_(train),
      valid_(valid),
      callbacks_(callbacks),
      store_(options.folder.empty() || !first() ? nullptr : std::make_unique<CheckpointStore>(options.folder / "checkpoints", options.checkpoints)),
      resumed_(checkpoint_to_resume(options)),
      options_(resumed_ && !options.force_resume ? resumed_options(resumed_->state.at("options"), options, resumed_->folder) : options),
      step_(model_, options_, group_) {
  check<ConfigError>(steps_an_epoch(train, options_) > 0, "[ContrastiveTrainer] expected at least one batch an epoch, got none; drop_last leaves nothing of {} samples",
                     {train.num_samples()});
  broadcast_parameters(*model_, group_);
  if (options_.weight_average > 0) average_ = std::make_unique<WeightAverage>(model_.ptr(), options_.weight_average);
  if (resumed_) resume(*resumed_);
  check_agreed();
  const bool events = options_.report_to == ReportTo::all || options_.report_to == ReportTo::tensorboard;
  log_ = std::make_unique<ContrastiveLog>(first() ? options_.folder : fs::path(), state_.step, events);
}

void ContrastiveRun::resume(const Checkpoint& checkpoint) {
  if (!options_.force_resume) check_same_run(checkpoint.state.at("run"), run_facts(train_, options_), checkpoint.folder);
  const fs::path& folder = checkpoint.folder;
  const std::string place = folder.string() + ":/state";
  state_ = TrainingState::from_config(checkpoint.state.at("training", place), place);
  step_.optimizer().load_state(load_safetensors(folder / kOptimizer), (folder / kOptimizer).string());
  if (average_) average_->load_state(load_safetensors(folder / kAverage), (folder / kAverage).string());
  load_module(folder / kModel, *model_);
  score_ = checkpoint.score;
  saved_step_ = state_.step;
  result_.resumed = true;
  if (state_.best_checkpoint.empty()) return;
  const fs::path best = folder.parent_path() / state_.best_checkpoint;
  std::error_code ignored;
  if (!fs::exists(best, ignored)) return log_message(LogLevel::warning, format_message("[ContrastiveTrainer] the best checkpoint so far, {}, is gone", {best}));
  best_ = load_safetensors(read_checkpoint(best).folder / (average_ ? kAverage : kModel));
}

void ContrastiveRun::check_agreed() {
  Tensor sum = torch::tensor(state_.step * group_.world_size());
  Tensor total = torch::tensor(state_.step);
  group_.all_reduce_sum(total);
  check<ConfigError>(at::equal(total, sum), "[ContrastiveTrainer] expected all processes to start at one step, this one is at {}: the folder of checkpoints must be one that all see", {state_.step});
}

bool ContrastiveRun::cancelled() {
  Tensor votes = torch::tensor(int64_t{callbacks_.cancel.cancelled()});
  if (group_.world_size() > 1) group_.all_reduce_sum(votes);
  return votes.item<int64_t>() > 0;
}

ContrastiveResult ContrastiveRun::execute() {
  try {
    while (state_.epoch < options_.epochs && !result_.stopped_early) run_epoch();
    if (store_ && saved_step_ != state_.step) save();  // the last weights; the model goes on with the best
  } catch (const CancelledError&) {
    const std::string text = fmt::format("[ContrastiveTrainer] cancelled after step {}{}", state_.step, options_.folder.empty() ? "" : "; resume = latest goes on there");
    if (store_ && saved_step_ != state_.step) save();
    finish();
    throw CancelledError(text);
  } catch (...) {
    finish();
    throw;
  }
  finish();
  const bool page = options_.report_to == ReportTo::all || options_.report_to == ReportTo::html;
  if (store_ && page) write_run_report(options_.folder, options_, model_, valid_, callbacks_.cancel);
  return result_;
}

void ContrastiveRun::run_epoch() {
  const auto began = Clock::now();
  train_.start(state_.epoch, state_.position);
  while (run_step()) {
    if (cancelled()) throw CancelledError("");
    if (store_ && options_.save_every_steps > 0 && state_.step % options_.save_every_steps == 0) save();
  }
  end_epoch(began);
}

bool ContrastiveRun::next_group(std::vector<LabelledBatch>& group) {
  group.clear();
  LabelledBatch batch;
  while (static_cast<int64_t>(group.size()) < options_.accum_freq && train_.next(batch)) group.push_back(std::move(batch));
  return !group.empty();
}

bool ContrastiveRun::run_step() {
  const auto began = Clock::now();
  std::vector<LabelledBatch> group;
  if (!next_group(group)) return false;
  const int64_t steps = steps_an_epoch(train_, options_) * options_.epochs;
  ContrastiveStepRecord record{.step = state_.step + 1, .steps = steps, .epoch = state_.epoch, .data_seconds = seconds_since(began)};
  for (const LabelledBatch& batch : group) record.samples += static_cast<int64_t>(batch.ids.size());
  record.learning_rate = learning_rate_at(state_.step, steps, options_.learning_rate, options_.schedule);

  // Dropout depends on seed, step and process alone: a training that is taken up draws what an unbroken one would.
  seed_everything(mix_seed({static_cast<uint64_t>(options_.seed), static_cast<uint64_t>(state_.step), static_cast<uint64_t>(train_.options().rank), 0x637472}));
  const ContrastiveStep::Outcome outcome = step_.run(group, record.learning_rate);
  record.loss = outcome.loss;
  record.parts = outcome.parts;
  record.gradient_norm = outcome.gradient_norm;
  record.skipped = !outcome.finite;
  if (outcome.finite && outcome.compared) {
    if (average_) average_->update();
    state_.loss_sum += outcome.loss;
    ++state_.loss_count;
  }
  state_.guard.step(outcome.finite);
  ++state_.step;
  state_.position = train_.position();
  record.mean_loss = state_.loss_sum / static_cast<double>(std::max<int64_t>(state_.loss_count, 1));
  record.scales = scales_of(model_);
  record.step_seconds = seconds_since(began);
  score_.reset();

  if (callbacks_.step) callbacks_.step(record);
  if (state_.step % options_.log_every == 0 || state_.step == steps) {
    log_->write(record);
    if (callbacks_.log) callbacks_.log(record);
  }
  if (callbacks_.progress)
    callbacks_.progress({.stage = "train", .done = state_.step, .total = steps, .seconds = seconds_since(began_),
                         .note = fmt::format("epoch {}/{} loss {:.4f}", state_.epoch + 1, options_.epochs, record.mean_loss)});
  return true;
}

std::optional<ContrastiveValidation> ContrastiveRun::validate() {
  const bool scored = callbacks_.validate || valid_ != nullptr;
  std::optional<ContrastiveValidation> found;
  if (scored) found.emplace();
  if (first() && (scored || callbacks_.measure)) {
    if (average_) average_->swap();
    try {
      if (scored) found = callbacks_.validate ? callbacks_.validate(model_) : retrieval_validation(model_, *valid_, callbacks_.cancel);
      measure(found);
    } catch (...) {
      if (average_) average_->swap();
      throw;
    }
    if (average_) average_->swap();
  }
  if (!scored) return found;
  Tensor score = torch::tensor({found->score ? 1.0 : 0.0, found->score.value_or(0.0)}, torch::kDouble);
  group_.broadcast(score, 0);
  found->score.reset();
  if (score[0].item<double>() > 0) found->score = score[1].item<double>();
  return found;
}

void ContrastiveRun::measure(std::optional<ContrastiveValidation>& found) {
  if (!callbacks_.measure) return;
  const auto values = callbacks_.measure(model_, state_.epoch, options_.epochs);
  if (values.empty()) return;
  if (!found) found.emplace();
  found->values.insert(found->values.end(), values.begin(), values.end());
}

void ContrastiveRun::end_epoch(Clock::time_point began) {
  ContrastiveEpochRecord record{.epoch = state_.epoch, .step = state_.step, .train_loss = state_.loss_sum / static_cast<double>(std::max<int64_t>(state_.loss_count, 1)), .validation = validate()};
  const int64_t epoch = state_.epoch++;
  state_.position = 0;
  state_.loss_sum = 0, state_.loss_count = 0;
  bool better = false;
  if (record.validation && record.validation->score) {
    score_ = record.validation->score;
    better = !state_.best_score || *score_ > *state_.best_score;
    if (better) remember_best();
    if (better) state_.best_score = score_, state_.best_epoch = epoch;
    result_.stopped_early = options_.patience > 0 && epoch - state_.best_epoch >= options_.patience && state_.epoch < options_.epochs;
  }
  record.seconds = seconds_since(began);
  log_->write(record);
  result_.epochs.push_back(record);
  const bool due = options_.save_every > 0 && state_.epoch % options_.save_every == 0;
  if (store_ && (better || due)) save();
  if (callbacks_.epoch) callbacks_.epoch(record);
}

void ContrastiveRun::remember_best() {
  best_.clear();
  if (!options_.folder.empty()) state_.best_checkpoint = CheckpointStore::name_of(state_.step);
  for (const auto& [name, tensor] : average_ ? average_->state() : module_state(*model_)) best_.emplace_back(name, tensor.detach().clone());
}

void ContrastiveRun::save() {
  Config state = Config::object();
  state.set("training", state_.to_config());
  state.set("run", run_facts(train_, options_));
  state.set("options", to_config(options_));
  store_->save(state_.step, state, score_, [&](const fs::path& folder) {
    save_module(folder / kModel, *model_, {{"format", "pt"}});
    save_safetensors(folder / kOptimizer, step_.optimizer().state());
    if (average_) save_safetensors(folder / kAverage, average_->state());
  });
  saved_step_ = state_.step;
}

void ContrastiveRun::finish() {
  if (!best_.empty()) load_state(*model_, best_, {.unexpected = OnUnexpected::ignore}, "best state");
  else if (average_) average_->swap();
  model_->eval();
  result_.steps = state_.step;
  result_.skipped_steps = state_.guard.skipped();
  result_.best_epoch = state_.best_epoch;
  result_.best_score = state_.best_score;
  result_.seconds = seconds_since(began_);
}

}  // namespace alloy::detail
