// SPDX-License-Identifier: Apache-2.0
#include <alloy/train/speech_trainer.hpp>

#include "train/detail/non_finite_guard.hpp"

#include <alloy/losses/ctc_loss.hpp>

#include <torch/types.h>

#include <chrono>
#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace alloy {

namespace {

struct Drawn {
  std::vector<Tensor> features;  // [T_i, width]
  std::vector<std::vector<int64_t>> targets;
  int64_t redrawn = 0;
};

int64_t steps_needed(const std::vector<int64_t>& target) {
  auto needed = std::ssize(target);
  for (size_t i = 1; i < target.size(); ++i) needed += target[i] == target[i - 1] ? 1 : 0;
  return needed;
}

Drawn draw(const SpeechRecognizerImpl& model, const SpeechMixer& mixer, const SpeechTrainerOptions& o, int64_t step) {
  constexpr int64_t kMostTries = 100;
  Drawn drawn;
  Random random(mix_seed({static_cast<uint64_t>(o.seed), 0x737065, static_cast<uint64_t>(step)}));
  for (int64_t tries = 0; std::ssize(drawn.features) < o.batch_size; ++tries) {
    check<DataError>(tries < kMostTries * o.batch_size,
                     "[SpeechTrainer] expected sentences of at least a step of {} s for each unit, got {} in a row that are faster",
                     {model.step_seconds(), drawn.redrawn});
    const TimedSpeech speech = mixer(random);
    std::vector<int64_t> target = model.lexicon().targets(speech.texts());
    if (steps_needed(target) > model.num_steps(speech.audio.frames())) {
      ++drawn.redrawn;
      continue;
    }
    const Tensor waveform = augment_waveform(torch::tensor(speech.audio.samples), model.sample_rate_hz(), o.augment, random);
    drawn.features.push_back(spec_augment(model.features(waveform), o.augment.spec_augment, random));
    drawn.targets.push_back(std::move(target));
  }
  return drawn;
}

}  // namespace

void SpeechTrainerOptions::validate() const {
  check<ConfigError>(learning_rate > 0 && std::isfinite(learning_rate), "[SpeechTrainer] expected learning_rate > 0, got {}", {learning_rate});
  check<ConfigError>(steps > 0 && batch_size > 0, "[SpeechTrainer] expected steps and batch_size > 0, got {} and {}", {steps, batch_size});
  check<ConfigError>(clip_norm >= 0, "[SpeechTrainer] expected clip_norm >= 0, got {}", {clip_norm});
  check<ConfigError>(augment.speed == 0, "[SpeechTrainer] expected no speed in augment, which would cut sentences off, got {}; use the mixer's speed",
                     {augment.speed});
  optimizer.validate();
  schedule.validate();
  augment.validate();
}

SpeechTrainer::SpeechTrainer(SpeechRecognizer model, SpeechTrainerOptions options) : model_(std::move(model)), options_(std::move(options)) {
  options_.validate();
  check<ConfigError>(!model_.is_empty(), "[SpeechTrainer] expected a model, got none");
}

SpeechTrainResult SpeechTrainer::fit(const SpeechMixer& mixer, const ProgressCallback& progress, const CancelToken& cancel) {
  const SpeechTrainerOptions& o = options_;
  check<ConfigError>(mixer.sample_rate_hz() == model_->sample_rate_hz(),
                     "[SpeechTrainer] expected sentences at {} Hz as the model reads them, got {} Hz",
                     {model_->sample_rate_hz(), mixer.sample_rate_hz()});
  const auto began = std::chrono::steady_clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(); };
  Optimizer optimizer(*model_, o.optimizer);
  detail::NonFiniteGuard guard("SpeechTrainer");
  seed_everything(mix_seed({static_cast<uint64_t>(o.seed), 0x737074}));
  SpeechTrainResult result;
  double shown = std::numeric_limits<double>::quiet_NaN();  // smoothed
  model_->train();
  try {
    for (int64_t step = 0; step < o.steps; ++step) {
      cancel.check("SpeechTrainer");
      const Drawn drawn = draw(*model_, mixer, o, step);
      result.redrawn += drawn.redrawn;
      optimizer.zero_grad();
      const SpeechRecognizerImpl::Output out = model_->forward(drawn.features);
      const Tensor loss = ctc_loss(out.log_probs, out.lengths, drawn.targets, Lexicon::kBlank);
      const double value = loss.item<double>();
      double norm = std::numeric_limits<double>::quiet_NaN();
      if (std::isfinite(value)) {
        loss.backward();
        norm = optimizer.gradient_norm();
      }
      const bool finite = std::isfinite(value) && std::isfinite(norm);
      if (finite) {
        if (o.clip_norm > 0 && norm > o.clip_norm) optimizer.scale_gradients(o.clip_norm / norm);
        optimizer.step(learning_rate_at(step, o.steps, o.learning_rate, o.schedule));
        shown = std::isnan(shown) ? value : 0.95 * shown + 0.05 * value;
      }
      result.losses.push_back(finite ? value : std::numeric_limits<double>::quiet_NaN());
      guard.step(finite);
      result.skipped_steps = guard.skipped();
      if (progress)
        progress({.stage = "train", .done = step + 1, .total = o.steps, .seconds = seconds(), .note = fmt::format("loss {:.3f} a unit", shown)});
    }
  } catch (...) {
    model_->eval();
    throw;
  }
  model_->eval();
  result.seconds = seconds();
  return result;
}

}  // namespace alloy
