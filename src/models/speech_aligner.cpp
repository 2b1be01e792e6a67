// SPDX-License-Identifier: Apache-2.0
#include <alloy/models/speech_aligner.hpp>

#include <cmath>

namespace alloy {

namespace {

std::vector<WordTokens> tokens_of(const Lexicon& lexicon, const std::vector<std::string>& words) {
  std::vector<int64_t> counts;
  for (const std::string& word : words) counts.push_back(std::ssize(lexicon.units_of(word)));
  return words_of_counts(words, counts);
}

WordOnsetOptions clock_of(const SpeechRecognizerImpl& model, WordOnsetOptions options = {}) {
  options.frame_seconds = model.step_seconds();
  options.first_seconds = model.first_seconds();
  return options;
}

void check_words(const std::vector<std::string>& words) { check<DataError>(!words.empty(), "[align_speech] expected at least one word, got none"); }

}  // namespace

SpeechAlignment align_speech(SpeechRecognizer model, const Audio& audio, const std::vector<std::string>& words, const SpeechAlignOptions& options) {
  check<ConfigError>(!model.is_empty(), "[align_speech] expected a model, got none");
  check_words(words);
  const std::vector<int64_t> targets = model->lexicon().targets(words);
  const Tensor log_probs = model->log_probs(audio);
  const int64_t needed = ctc_frames_needed(targets);
  const double seconds = static_cast<double>(audio.frames()) / static_cast<double>(audio.sample_rate_hz);
  check<DataError>(needed <= log_probs.size(0),
                   "[align_speech] expected at least {} s of audio for the {} words ({} units, a step of {} s each), got {} s",
                   {static_cast<double>(needed) * model->step_seconds(), words.size(), targets.size(), model->step_seconds(), seconds});
  SpeechAlignOptions used = options;
  used.onsets = clock_of(*model, options.onsets);
  return align_log_probs(log_probs, model->lexicon(), audio, words, model->lags(), used);
}

SpeechAlignment align_log_probs(const Tensor& log_probs, const Lexicon& lexicon, const Audio& audio, const std::vector<std::string>& words,
                                const std::vector<double>& lags, const SpeechAlignOptions& options) {
  check_words(words);
  check_shape(log_probs, {-1, lexicon.num_units()}, "align_log_probs", "log_probs");
  CtcAlignOptions ctc = options.ctc;
  ctc.blank = Lexicon::kBlank;
  SpeechAlignment result{.path = ctc_forced_align(log_probs, lexicon.targets(words), ctc)};
  result.words = words_by_onsets(result.path, tokens_of(lexicon, words), lags, audio.channels == 1 ? audio : to_mono(audio), options.onsets);
  return result;
}

std::vector<WordSpan> words_on_path(SpeechRecognizer model, const Audio& audio, const std::vector<std::string>& words) {
  const SpeechAlignment found = align_speech(model, audio, words);
  return word_spans(
      found.path, tokens_of(model->lexicon(), words),
      {.frame_seconds = model->step_seconds(), .first_seconds = model->first_seconds(), .max_before_seconds = 0, .max_after_seconds = 0});
}

void measure_lags(SpeechRecognizer model, const std::vector<TimedSpeech>& sentences) {
  check<ConfigError>(!model.is_empty(), "[measure_lags] expected a model, got none");
  const Lexicon& lexicon = model->lexicon();
  std::vector<HeardOnset> onsets;
  for (const TimedSpeech& speech : sentences) {
    const std::vector<std::string> words = speech.texts();
    const std::vector<int64_t> targets = lexicon.targets(words);
    const Tensor log_probs = model->log_probs(speech.audio);
    if (words.empty() || ctc_frames_needed(targets) > log_probs.size(0)) continue;
    const CtcAlignment path = ctc_forced_align(log_probs, targets, {.blank = Lexicon::kBlank});
    const std::vector<WordTokens> tokens = tokens_of(lexicon, words);
    for (size_t i = 0; i < words.size(); ++i) {
      const TokenSpan& first = path.spans[static_cast<size_t>(tokens[i].begin)];
      onsets.push_back({.token = first.token,
                        .found_seconds = model->first_seconds() + static_cast<double>(first.start) * model->step_seconds(),
                        .true_seconds = speech.words[i].time.start});
    }
  }
  check<DataError>(!onsets.empty(), "[measure_lags] expected sentences that can be aligned, got none among {}", {sentences.size()});
  model->set_lags(onset_lags(onsets, lexicon.num_units()));
}

}  // namespace alloy
