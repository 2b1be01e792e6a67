// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/tones.hpp"

#include <alloy/encoders/series.hpp>
#include <alloy/io/atomic_write.hpp>
#include <alloy/models/speech_aligner.hpp>
#include <alloy/train/speech_trainer.hpp>

#include <cstdlib>
#include <numeric>

using namespace alloy;

namespace {

// A language of two words of two tones each.
const LexiconOptions kLexicon{.words = {{"up", "L H", ""}, {"down", "H L", ""}}};
constexpr double kLow = 500, kHigh = 1500;

TimedSpeech say(const std::vector<std::string>& words) {
  std::vector<Tone> parts = {{.seconds = 0.1}};
  TimedSpeech speech{.speaker = "tones"};
  double time = 0.1;
  for (const std::string& word : words) {
    const bool up = word == "up";
    parts.insert(parts.end(), {{.seconds = 0.12, .hertz = up ? kLow : kHigh}, {.seconds = 0.12, .hertz = up ? kHigh : kLow}, {.seconds = 0.03}});
    speech.words.push_back({word, {time, time + 0.24}});
    time += 0.27;
  }
  speech.audio = tones(parts);
  return speech;
}

SpeechRecognizer fresh() {
  seed_everything(1);
  return {{.lexicon = kLexicon}, DilatedConvEncoder({.channels = 80, .dim = 16, .layers = 3})};
}

SpeechMixer sentences() {
  return {{say({"up", "down", "up"}), say({"down", "down", "up", "up"}), say({"up", "up", "down"})},
          {.min_words = 2, .max_words = 4, .max_edge_seconds = 0.1, .speed = 0.05}};
}

const SpeechTrainerOptions kOptions{.learning_rate = 1e-2, .steps = 40, .batch_size = 4, .schedule = {.warmup = 4}};

}  // namespace

TEST_CASE("a recogniser learns a language of tones and finds its words", "[train]") {
  SpeechRecognizer model = fresh();
  std::vector<Progress> reports;
  const SpeechTrainResult result = SpeechTrainer(model, kOptions).fit(sentences(), [&](const Progress& p) { reports.push_back(p); });
  REQUIRE(result.losses.size() == 40);
  CHECK(result.skipped_steps == 0);
  CHECK(reports.size() == 40);
  CHECK((reports.back().done == 40 && reports.back().total == 40));
  CHECK_THAT(reports.back().note, ContainsSubstring("loss"));
  CHECK_FALSE(model->is_training());
  const double first = result.losses.front(), last = std::accumulate(result.losses.end() - 5, result.losses.end(), 0.0) / 5;
  CHECK(last < 0.3 * first);
  const TimedSpeech unheard = say({"down", "up", "up", "down", "down"});
  measure_lags(model, {say({"up", "down", "up"}), say({"down", "down", "up", "up"})});
  for (const double error : boundary_errors(align_speech(model, unheard.audio, unheard.texts()).words, unheard.words)) CHECK(error < 0.06);
  if (const char* folder = std::getenv("ALLOY_SPEECH_FOLDER")) {  // for tests/tools/check_align_speech.py
    save_model(std::filesystem::path(folder) / "model", model);
    write_file(std::filesystem::path(folder) / "said.wav", encode_wav(unheard.audio));
  }
}

TEST_CASE("the same seed trains the same model", "[train]") {
  SpeechTrainerOptions options = kOptions;
  options.steps = 3;
  options.augment.spec_augment = {.time_masks = 1, .max_time = 4, .frequency_masks = 1, .max_frequency = 4};
  SpeechRecognizer first = fresh(), second = fresh(), third = fresh();
  const auto losses = SpeechTrainer(first, options).fit(sentences()).losses;
  CHECK(SpeechTrainer(second, options).fit(sentences()).losses == losses);
  for (size_t i = 0; i < first->parameters().size(); ++i) CHECK_THAT(second->parameters()[i], SameBits(first->parameters()[i]));
  options.seed = 1;
  CHECK(SpeechTrainer(third, options).fit(sentences()).losses != losses);
}

TEST_CASE("a training of speech stops for what it cannot do", "[train]") {
  SpeechRecognizer model = fresh();
  const auto with = [](auto change) {
    SpeechTrainerOptions options = kOptions;
    change(options);
    return options;
  };
  CHECK_THROWS_AS(SpeechTrainer(model, with([](auto& o) { o.steps = 0; })), ConfigError);
  CHECK_THROWS_AS(SpeechTrainer(model, with([](auto& o) { o.learning_rate = 0; })), ConfigError);
  CHECK_THROWS_WITH(SpeechTrainer(model, with([](auto& o) { o.augment.speed = 0.1; })), ContainsSubstring("mixer's speed"));
  CHECK_THROWS_AS(SpeechTrainer(SpeechRecognizer(nullptr), kOptions), ConfigError);

  TimedSpeech unknown = say({"up"}), fast = say({"up", "down"});
  unknown.words[0].text = "left";
  CHECK_THROWS_WITH(SpeechTrainer(model, kOptions).fit(SpeechMixer({unknown})), ContainsSubstring("got left; known: up, down"));
  TimedSpeech wide = say({"up"});
  wide.audio.sample_rate_hz = 16000;
  wide.words[0].time = {0.05, 0.17};
  CHECK_THROWS_WITH(SpeechTrainer(model, kOptions).fit(SpeechMixer({wide})), ContainsSubstring("8000 Hz as the model reads them, got 16000 Hz"));
  fast.audio.samples.resize(400);  // 50 ms for four units
  fast.words = {{"up", {0, 0.02}}, {"down", {0.02, 0.05}}};
  CHECK_THROWS_WITH(SpeechTrainer(model, kOptions).fit(SpeechMixer({fast}, {.as_spoken = 1, .max_edge_seconds = 0})),
                    ContainsSubstring("that are faster"));

  CancelToken cancel;
  const auto stop = [&](const Progress& p) {
    if (p.done == 2) cancel.cancel();
  };
  CHECK_THROWS_AS(SpeechTrainer(model, kOptions).fit(sentences(), stop, cancel), CancelledError);
  CHECK_FALSE(model->is_training());
  {
    const torch::NoGradGuard no_grad;
    model->parameters()[0].fill_(NAN);
  }
  CHECK_THROWS_WITH(SpeechTrainer(model, kOptions).fit(sentences()), ContainsSubstring("10 bad steps in a row"));
}
