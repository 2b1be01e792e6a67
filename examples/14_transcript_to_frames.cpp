// SPDX-License-Identifier: Apache-2.0
/// A transcript to the frames of a video: when is each word said? A small recogniser learns words from synthetic speech and places them in
/// (a) continuous speech of voices that it never heard and (b) sentences put together from words of a human voice, never trained on. Beside
/// it stand four ways that need no model.
///
///     example_14_transcript_to_frames                             ten digits, few voices, (a) alone
///     example_14_transcript_to_frames --full --folder recogniser  75 words, (a) and (b): see docs/alignment.md
///
/// Needs espeak-ng; (b) needs Debian's asterisk-core-sounds-en-wav.

#include "example_arguments.hpp"

#include <alloy/alignment.hpp>
#include <alloy/core/threads.hpp>
#include <alloy/data/prompt_words.hpp>
#include <alloy/data/spoken_sentences.hpp>
#include <alloy/encoders/series.hpp>
#include <alloy/eval/html_report.hpp>
#include <alloy/eval/html_words.hpp>
#include <alloy/models/speech_aligner.hpp>
#include <alloy/train/speech_trainer.hpp>

#include <cmath>

using namespace alloy;

namespace {

struct Form {
  size_t words, train_voices, test_voices;
  int64_t train_sentences, test_sentences, dim, layers, steps, batch_size;
  double learning_rate;
};
constexpr Form kFull{75, 34, 10, 12, 8, 96, 5, 600, 16, 2e-3}, kQuick{10, 6, 2, 6, 5, 48, 4, 90, 8, 5e-3};

std::vector<TimedSpeech> speak(const LexiconOptions& lexicon, std::vector<std::string> voices, int64_t sentences, int64_t seed) {
  SpokenSentencesOptions options{.voices = std::move(voices), .sentences = sentences, .sample_rate_hz = 8000, .seed = seed};
  for (const LexiconWord& entry : lexicon.words) options.words.push_back(entry.word), options.say.push_back(entry.say);
  return speak_sentences(options).sentences;
}

struct Medians {
  double best_baseline = 1e9, found = 0;  // of the errors, ms
  html::Table table{.caption = "errors of boundaries",
                    .columns = {{"error of a boundary, ms"}, {"median", html::ColumnKind::number}, {"p90", html::ColumnKind::number}},
                    .rows = {}};
};
Medians compare(const char* what, const SpeechRecognizer& model, const std::vector<TimedSpeech>& sentences) {
  std::printf("%s: %zu sentences\n  error of a boundary, ms          median     p90  within 50 ms\n", what, sentences.size());
  Medians medians;
  const auto row = [&](const std::string& name, const WordAligner& align) {
    const BoundaryScores s = boundary_scores(align, sentences);
    std::printf("  %-30s %7.1f %7.1f %9.1f %%\n", name.c_str(), 1000 * s.median_seconds, 1000 * s.p90_seconds, 100 * s.within);
    medians.table.rows.push_back({{name}, {html::number(1000 * s.median_seconds, 1)}, {html::number(1000 * s.p90_seconds, 1)}});
    return 1000 * s.median_seconds;
  };
  for (const auto& [name, align] : word_baselines()) medians.best_baseline = std::min(medians.best_baseline, row(name, align));
  row("recogniser, tokens as they are", [&](const auto& audio, const auto& words) { return words_on_path(model, audio, words); });
  medians.found = row("recogniser, by onsets", [&](const auto& audio, const auto& words) { return align_speech(model, audio, words).words; });
  return medians;
}

/// One sentence for the eye: words to frames of a 25 fps clip, sound and subtitles in the folder if there is one, a picture of the
/// spectrogram with the words over it.
std::string show(const SpeechRecognizer& model, const TimedSpeech& speech, const std::filesystem::path& folder, const std::string& name) {
  const std::vector<WordSpan> words = align_speech(model, speech.audio, speech.texts()).words;
  const double seconds = static_cast<double>(speech.audio.frames()) / static_cast<double>(speech.audio.sample_rate_hz);
  const std::vector<FrameRange> frames =
      spans_to_frames(times_of(words), FrameClock{.fps = 25, .num_frames = static_cast<int64_t>(std::ceil(25 * seconds))});
  for (size_t i = 0; i < words.size(); ++i)
    std::printf("  %-10s %6.2f to %5.2f s, frames %3lld to %3lld\n", words[i].text.c_str(), words[i].time.start, words[i].time.stop,
                static_cast<long long>(frames[i].begin), static_cast<long long>(frames[i].end) - 1);
  if (!folder.empty()) {
    write_file(folder / (name + ".wav"), encode_wav(speech.audio));
    write_srt(folder / (name + ".srt"), words);
  }
  const std::string title = "(" + name + ") " + (speech.speaker.empty() ? "a human voice" : "voice " + speech.speaker);
  html::WordChart chart{.title = title, .audio = speech.audio, .lanes = {{"truth", speech.words}, {"recogniser", words}}, .fps = 25};
  for (const auto& [baseline, align] : word_baselines()) chart.lanes.push_back({baseline, align(speech.audio, speech.texts())});
  return html::section(name, title, html::word_chart(chart) + html::details("times", html::word_table(chart)));
}

int align_words(const example::Arguments& arguments) {
  const bool full = arguments.has("--full");
  const std::filesystem::path folder = arguments.value("--folder");
  const ThreadScope few_threads(full ? std::min(2, threads()) : 1);
  const Form form = full ? kFull : kQuick;
  LexiconOptions lexicon = english_lexicon();
  lexicon.words.resize(form.words);
  const auto report = [](const Progress& p) {
    if (p.done % 100 == 0)
      std::fprintf(stderr, "step %lld of %lld, %s\n", static_cast<long long>(p.done), static_cast<long long>(p.total), p.note.c_str());
  };

  std::vector<TimedSpeech> human;  // read first: what is missing is said before the training
  if (full) human = prompt_sentences(read_prompt_words(kPromptFolder, Lexicon(lexicon).words()), {});

  // [recogniser]
  const std::vector<TimedSpeech> spoken = speak(lexicon, training_voices(form.train_voices), form.train_sentences, /*seed=*/1);
  seed_everything(1);
  SpeechRecognizer model({.lexicon = lexicon}, DilatedConvEncoder({.channels = 80, .dim = form.dim, .layers = form.layers}));
  SpeechTrainer trainer(
      model, {.learning_rate = form.learning_rate, .steps = form.steps, .batch_size = form.batch_size, .schedule = {.warmup = form.steps / 12}});
  const SpeechTrainResult trained = trainer.fit(SpeechMixer(spoken), report);
  measure_lags(model, spoken);  // how late it says each sound, on the voices of the training
  if (!folder.empty()) save_model(folder / "model", model);
  // [recogniser]
  std::printf("%zu sentences of %zu words, %zu steps in %.0f s, last loss %.3f\n", spoken.size(), lexicon.words.size(), trained.losses.size(),
              trained.seconds, trained.losses.back());

  const std::vector<TimedSpeech> unheard = speak(lexicon, test_voices(form.test_voices), form.test_sentences, /*seed=*/2);
  const Medians a = compare("(a) continuous speech of voices never heard", model, unheard);
  std::string body = "<h1>Words in time</h1><h2>Voices never heard</h2>" + html::table(a.table) + show(model, unheard.front(), folder, "a");
  bool expected = full ? a.found <= 50 && a.found <= 0.5 * a.best_baseline : a.found <= 0.6 * a.best_baseline;
  if (full) {
    const Medians b = compare("(b) a human voice never heard, words cross-faded by 20 ms", model, human);
    body += "<h2>A human voice never heard</h2>" + html::table(b.table) + show(model, human.front(), folder, "b");
    expected = expected && b.found <= 50;
  }
  if (arguments.has("--report")) write_file(arguments.value("--report"), html::page({.title = "Words in time", .body = body}));

  // [own network]
  const TimedSpeech& speech = unheard.back();
  const Tensor log_probs = model->log_probs(speech.audio);  // [T, V], blank first: or what load_safetensors gives of another program's
  const SpeechAlignOptions clock{.onsets = {.frame_seconds = 0.02, .first_seconds = -0.005}};
  const auto words = align_log_probs(log_probs, Lexicon(lexicon), speech.audio, speech.texts(), model->lags(), clock).words;
  // [own network]
  expected = expected && boundary_errors(words, align_speech(model, speech.audio, speech.texts()).words).front() < 1e-9;
  std::printf("%s\n", expected ? "as expected" : "NOT what was expected");
  return expected ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  return example::run(argc, argv, "Words of a transcript in time: without --full ten digits by few voices, seconds.",
                      {example::full_flag("75 words, also by a human voice; a minute or two"),
                       example::report_flag(),
                       {"--folder", "made, and gets the model, sound and subtitles", {"FOLDER"}, example::Place::folder}},
                      align_words);
}
