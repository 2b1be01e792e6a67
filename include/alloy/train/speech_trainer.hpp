// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Trains a SpeechRecognizer by CTC on sentences of a SpeechMixer, each seen once: words and their order are known to the
/// loss, their times are not.

#include <alloy/core/progress.hpp>
#include <alloy/data/speech_mixer.hpp>
#include <alloy/models/speech_recognizer.hpp>
#include <alloy/preprocess/augment.hpp>
#include <alloy/train/optimizer.hpp>
#include <alloy/train/schedule.hpp>

namespace alloy {

struct SpeechTrainerOptions {
  double learning_rate = 2e-3;
  int64_t steps = 600;
  int64_t batch_size = 16;
  double clip_norm = 1.0;
  int64_t seed = 0;
  OptimizerOptions optimizer = {.weight_decay = 0.05};
  ScheduleOptions schedule = {.warmup = 50};
  AudioAugmentOptions augment = {.noise = 0.9, .min_snr_db = 8, .max_snr_db = 45};
  static void describe(auto& self, auto&& field) {
    field("learning_rate", self.learning_rate, "peak of the schedule, > 0");
    field("steps", self.steps, "of the optimiser, > 0");
    field("batch_size", self.batch_size, "sentences a step, > 0");
    field("clip_norm", self.clip_norm, "largest gradient norm, 0 = not clipped");
    field("seed", self.seed, "of sentences, changes and dropout");
    field("optimizer", self.optimizer, "the rule");
    field("schedule", self.schedule, "the learning rate over the steps");
    field("augment", self.augment, "random changes of each sentence; the mixer has its own speed");
  }
  ALLOY_API void validate() const;
};

struct SpeechTrainResult {
  std::vector<double> losses = {};  ///< of each step; NaN where it was skipped
  int64_t skipped_steps = 0;        ///< with a loss or gradient that was not finite
  int64_t redrawn = 0;              ///< sentences said too fast for the steps of the network
  double seconds = 0;
};

/// Shares the model and trains it in place; one trainer a model at a time. The same seed, threads and versions give the same bits.
class ALLOY_API SpeechTrainer {
 public:
  SpeechTrainer(SpeechRecognizer model, SpeechTrainerOptions options);
  /// The model is in evaluation mode afterwards.
  /// @param mixer  at the rate of the model, words of its lexicon
  /// @throws ConfigError for another rate; DataError for an unknown word, for sentences that are all too fast, and after ten steps in
  ///         a row, or eleven among a thousand, that are not finite; CancelledError
  SpeechTrainResult fit(const SpeechMixer& mixer, const ProgressCallback& progress = {}, const CancelToken& cancel = {});
  const SpeechTrainerOptions& options() const { return options_; }

 private:
  SpeechRecognizer model_;
  SpeechTrainerOptions options_;
};

}  // namespace alloy
