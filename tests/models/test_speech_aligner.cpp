// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/tones.hpp"

#include <alloy/core/random.hpp>
#include <alloy/encoders/series.hpp>
#include <alloy/models/speech_aligner.hpp>

using namespace alloy;

namespace {

const LexiconOptions kLexicon{.words = {{"no", "N OW", ""}, {"one", "W AH N", ""}}};  // <blank> AH N OW W
const Audio kSound = tones({{.seconds = 1.0, .hertz = 300}});
const SpeechAlignOptions kClock{.onsets = {.frame_seconds = 0.02}};

SpeechRecognizer small() {
  seed_everything(1);
  return {{.lexicon = kLexicon}, DilatedConvEncoder({.channels = 80, .dim = 8, .layers = 2})};
}

/// 50 steps that say the units given at their steps, and blank elsewhere.
Tensor log_probs_of(const std::vector<std::pair<int64_t, int64_t>>& said) {
  Tensor probs = torch::full({50, 5}, 0.01);
  probs.select(1, 0).fill_(0.96);
  for (const auto& [step, unit] : said) {
    probs[step].fill_(0.01);
    probs[step][unit] = 0.96;
  }
  return probs.log();
}

}  // namespace

TEST_CASE("words of a network of one's own are placed by their onsets", "[models]") {
  const Tensor log_probs = log_probs_of({{5, 4}, {8, 1}, {12, 2}, {30, 2}, {35, 3}});  // one at step 5, no at step 30
  const std::vector<std::string> words = {"one", "no"};
  const SpeechAlignment plain = align_log_probs(log_probs, Lexicon(kLexicon), kSound, words, {}, kClock);
  REQUIRE(plain.words.size() == 2);
  CHECK(plain.words[0].text == "one");
  CHECK(plain.words[0].time.start == Approx(0.1));
  CHECK(plain.words[0].time.stop == Approx(0.6));
  CHECK(plain.words[1].time.stop == Approx(1.0).margin(0.02));
  CHECK(plain.path.spans.size() == 5);
  const SpeechAlignment late = align_log_probs(log_probs, Lexicon(kLexicon), kSound, words, {0, 0, 0.05, 0, 0.08}, kClock);
  CHECK(late.words[0].time.start == Approx(0.02));
  CHECK(late.words[1].time.start == Approx(0.55));
  Audio stereo = kSound;
  stereo.channels = 2;  // half as long
  CHECK(align_log_probs(log_probs, Lexicon(kLexicon), stereo, words, {}, kClock).words[1].time.stop <= 0.5);
  CHECK_THROWS_AS(align_log_probs(log_probs.narrow(1, 0, 4), Lexicon(kLexicon), kSound, words, {}, kClock), ShapeError);
  CHECK_THROWS_AS(align_log_probs(log_probs, Lexicon(kLexicon), kSound, {}, {}, kClock), DataError);
}

TEST_CASE("align_speech is align_log_probs of the model", "[models]") {
  SpeechRecognizer model = small();
  model->set_lags({0, 0.01, 0.02, 0.03, 0.04});
  const std::vector<std::string> words = {"one", "no", "no"};
  const SpeechAlignment found = align_speech(model, kSound, words);
  SpeechAlignOptions clock = kClock;
  clock.onsets.first_seconds = -0.005;
  const SpeechAlignment again = align_log_probs(model->log_probs(kSound), model->lexicon(), kSound, words, model->lags(), clock);
  for (size_t i = 0; i < 3; ++i) {
    CHECK(found.words[i].time.start == again.words[i].time.start);
    CHECK(found.words[i].time.stop == again.words[i].time.stop);
  }
}

TEST_CASE("words on the path go from their first token to their last", "[models]") {
  SpeechRecognizer model = small();
  model->set_lags({0, 0.01, 0.02, 0.03, 0.04});  // which are not taken off
  const std::vector<std::string> words = {"one", "no"};
  const CtcAlignment path = align_speech(model, kSound, words).path;
  const std::vector<WordSpan> found = words_on_path(model, kSound, words);
  REQUIRE(found.size() == 2);
  const auto seconds = [](int64_t step) { return -0.005 + 0.02 * static_cast<double>(step); };
  CHECK(found[0].time.start == Approx(seconds(path.spans[0].start)));
  CHECK(found[0].time.stop == Approx(seconds(path.spans[2].stop)));
  CHECK(found[1].time.start == Approx(seconds(path.spans[3].start)));
  CHECK(found[1].time.stop == Approx(seconds(path.spans[4].stop)));
}

TEST_CASE("align_speech names what cannot be aligned", "[models]") {
  const SpeechRecognizer model = small();
  CHECK_THROWS_WITH(align_speech(model, kSound, {"one", "apple"}), ContainsSubstring("apple") && ContainsSubstring("known: no, one"));
  const Audio brief = tones({{.seconds = 0.1, .hertz = 300}});
  CHECK_THROWS_WITH(align_speech(model, brief, {"one", "one", "no"}),
                    ContainsSubstring("at least 0.18 s of audio for the 3 words (8 units") && ContainsSubstring("got 0.1 s"));
  CHECK_THROWS_AS(align_speech(model, kSound, {}), DataError);
  CHECK_THROWS_AS(align_speech(model, Audio{.sample_rate_hz = 8000}, {"one"}), DataError);
  CHECK_THROWS_AS(align_speech(SpeechRecognizer(nullptr), kSound, {"one"}), ConfigError);
}

TEST_CASE("lags are measured on speech with known words", "[models]") {
  SpeechRecognizer model = small();
  const std::vector<std::string> words = {"one", "no"};
  const SpeechAlignment found = align_speech(model, kSound, words);
  const auto onset = [&](size_t token) { return -0.005 + 0.02 * static_cast<double>(found.path.spans[token].start); };
  // As if each word had begun 30 and 50 ms before its first unit was said.
  const TimedSpeech known{.audio = kSound, .words = {{"one", {onset(0) - 0.03, 0.5}}, {"no", {onset(3) - 0.05, 1.0}}}};
  measure_lags(model, std::vector<TimedSpeech>(200, known));
  CHECK(model->lags()[4] == Approx(0.03).margin(1e-3));  // W
  CHECK(model->lags()[2] == Approx(0.05).margin(1e-3));  // N
  const auto placed = align_speech(model, kSound, words).words;
  const TokenSpan before = found.path.spans[2];  // a word starts after the middle of the last unit of the one before it
  const double least = -0.005 + 0.01 * static_cast<double>(before.start + before.stop);
  CHECK(placed[1].time.start == Approx(std::max(known.words[1].time.start, least)).margin(0.002));
  CHECK_THROWS_AS(measure_lags(model, {}), DataError);
  const TimedSpeech brief{.audio = tones({{.seconds = 0.03, .hertz = 300}}), .words = known.words};
  CHECK_THROWS_AS(measure_lags(model, {brief}), DataError);
}
