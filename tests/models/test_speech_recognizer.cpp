// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/tones.hpp"

#include <alloy/core/random.hpp>
#include <alloy/encoders/conv_audio.hpp>
#include <alloy/encoders/features.hpp>
#include <alloy/encoders/series.hpp>
#include <alloy/encoders/spectrogram.hpp>
#include <alloy/io/atomic_write.hpp>
#include <alloy/io/file.hpp>
#include <alloy/models/fusion_model.hpp>
#include <alloy/models/joint_folder.hpp>
#include <alloy/models/model_folder.hpp>
#include <alloy/models/speech_recognizer.hpp>

using namespace alloy;

namespace {

const LexiconOptions kLexicon{.words = {{"no", "N OW", ""}, {"one", "W AH N", ""}}};

SpeechRecognizer small() {
  seed_everything(1);
  return {{.lexicon = kLexicon}, DilatedConvEncoder({.channels = 80, .dim = 8, .layers = 2})};
}

Tensor noise(int64_t samples, uint64_t seed) {
  torch::manual_seed(seed);
  return torch::randn({samples}) * 0.05;
}

}  // namespace

TEST_CASE("a recogniser gives log-probabilities a step", "[models]") {
  SpeechRecognizer model = small();
  CHECK(model->step_seconds() == Approx(0.02));
  CHECK(model->first_seconds() == Approx(-0.005));
  CHECK(model->features(noise(8000, 1)).sizes() == at::IntArrayRef({50, 80}));
  const auto out = model->forward({model->features(noise(8000, 1)), model->features(noise(1600, 2))});
  CHECK(out.log_probs.sizes() == at::IntArrayRef({2, 50, 5}));
  CHECK_THAT(out.lengths, SameBits(torch::tensor({50, 10}, torch::kLong)));
  CHECK_THAT(out.log_probs.exp().sum(-1), AllClose(torch::ones({2, 50})));
  SECTION("padding changes nothing") {
    model->eval();
    const auto alone = model->forward({model->features(noise(1600, 2))});
    CHECK_THAT(model->forward({model->features(noise(8000, 1)), model->features(noise(1600, 2))}).log_probs[1].slice(0, 0, 10),
               AllClose(alone.log_probs[0], 1e-5));
  }
  SECTION("very short sound has one step, silence is finite") {
    CHECK(model->features(noise(1, 3)).sizes() == at::IntArrayRef({1, 80}));
    CHECK(model->num_steps(1) == 1);
    CHECK(model->features(torch::zeros({800})).isfinite().all().item<bool>());
  }
  SECTION("steps count frames to the end of the audio") {
    for (const int64_t samples : {1, 79, 80, 160, 500, 1603}) CHECK(model->features(noise(samples, 4)).size(0) == model->num_steps(samples));
  }
}

TEST_CASE("neither loudness nor the colour of a line matters", "[models]") {
  SpeechRecognizer model = small();
  const Tensor x = noise(8000, 1);
  CHECK_THAT(model->features(x * 100), AllClose(model->features(x), 1e-3, 1e-3));
  const Tensor coloured = torch::cat({x.slice(0, 0, 1), x.slice(0, 1) - 0.5 * x.slice(0, 0, -1)});  // a filter of the first order
  const Tensor there = model->features(coloured), plain = model->features(x);
  const double like = (there * plain).mean().item<double>() / std::sqrt(there.square().mean().item<double>() * plain.square().mean().item<double>());
  CHECK(like > 0.95);
}

TEST_CASE("audio of any rate and any channels", "[models]") {
  SpeechRecognizer model = small();
  const Audio mono = tones({{.seconds = 0.5, .hertz = 440}}, 16000);
  Audio stereo{.samples = {}, .channels = 2, .sample_rate_hz = 16000};
  for (const float x : mono.samples) stereo.samples.insert(stereo.samples.end(), {x, x});
  const Tensor log_probs = model->log_probs(mono);
  CHECK(log_probs.sizes() == at::IntArrayRef({25, 5}));
  CHECK_FALSE(log_probs.requires_grad());
  CHECK(model->is_training());  // as before
  CHECK_THAT(model->log_probs(stereo), AllClose(log_probs, 1e-5));
  CHECK_THROWS_AS(model->log_probs(Audio{.sample_rate_hz = 8000}), DataError);
}

TEST_CASE("a recogniser comes back from its folder", "[models]") {
  const TempDir dir;
  SpeechRecognizer model = small();
  model->set_lags({0, 0.01, 0.02, -0.03, 0.04});
  save_model(dir / "m", model);
  CHECK(model_type_of(dir / "m") == "alloy_speech");
  SpeechRecognizer loaded = load_speech_model(dir / "m");
  CHECK(loaded->lags() == model->lags());
  CHECK(loaded->lexicon().words() == model->lexicon().words());
  CHECK_FALSE(loaded->is_training());
  const Audio audio = tones({{.seconds = 0.3, .hertz = 300}});
  CHECK_THAT(loaded->log_probs(audio), SameBits(model->log_probs(audio)));

  CHECK_THROWS_AS(load_speech_model(dir / "nothing"), IoError);
  JointEmbedding joint({.dim = 4});
  for (const char* name : {"a", "b"}) joint->add(name, FeatureEncoder({.in_dim = 6, .dim = 10}));
  save_model(dir / "j", SavedJoint{.model = joint});
  CHECK_THROWS_WITH(load_speech_model(dir / "j"), ContainsSubstring("expected 'alloy_speech', got 'alloy_joint'"));
  CHECK_THROWS_WITH(load_joint_model(dir / "m"), ContainsSubstring("expected 'alloy_joint', got 'alloy_speech'"));
  const std::string config = read_text_file(dir / "m" / "config.json", 1 << 20);
  const auto broken = [&](const std::string& from, const std::string& to) {
    std::string text = config;
    text.replace(text.find(from), from.size(), to);
    write_file(dir / "m" / "config.json", text);
  };
  broken("\"N OW\"", "\"N OW X\"");  // another unit: weights no longer fit
  CHECK_THROWS_AS(load_speech_model(dir / "m"), DataError);
  broken("\"frames_per_step\": 2", "\"frames_per_step\": 0");
  CHECK_THROWS_WITH(load_speech_model(dir / "m"), ContainsSubstring("frames_per_step"));
  broken("\"lexicon\"", "\"lexikon\"");
  CHECK_THROWS_WITH(load_speech_model(dir / "m"), ContainsSubstring("lexikon"));
  write_file(dir / "m" / "config.json", "{");
  CHECK_THROWS_AS(load_speech_model(dir / "m"), DataError);
}

TEST_CASE("a recogniser names what does not fit", "[models]") {
  SpeechRecognizer model = small();
  CHECK_THROWS_WITH(
      SpeechRecognizer({.lexicon = kLexicon}, ConvAudioEncoder({.mel_bins = 10, .frames = 16, .dim = 8, .widths = {4, 8}, .groups = 2})),
      ContainsSubstring("encoder with tokens, got conv_audio"));
  CHECK_THROWS_AS(SpeechRecognizer({.lexicon = {}}, DilatedConvEncoder({.channels = 80, .dim = 8})), ConfigError);
  CHECK_THROWS_AS(SpeechRecognizer({.lexicon = kLexicon}, Handle<Encoder>()), ConfigError);
  SpeechRecognizer coarse({.lexicon = kLexicon}, SpectrogramEncoder({.mel_bins = 80, .dim = 8, .stages = {4}}));
  CHECK_THROWS_WITH(coarse->forward({coarse->features(noise(8000, 1))}), ContainsSubstring("a token a step, 50, of the encoder spectrogram"));
  CHECK_THROWS_AS(model->forward({}), ShapeError);
  CHECK_THROWS_AS(model->forward({torch::zeros({5, 79})}), ShapeError);
  CHECK_THROWS_AS(model->features(torch::zeros({2, 100})), ShapeError);
  CHECK_THROWS_AS(model->set_lags({0, 1}), ShapeError);
  CHECK_THROWS_AS(save_model("anywhere", SpeechRecognizer(nullptr)), ConfigError);
}
