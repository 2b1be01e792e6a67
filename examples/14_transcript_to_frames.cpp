// SPDX-License-Identifier: Apache-2.0
/// A transcript to the frames of a video: when is each word said? A small recogniser learns 75 words from synthetic speech and
/// places words in (a) continuous speech of voices that it never heard and (b) sentences put together from words of a human voice,
/// never trained on. Beside it stand three ways that need no model. Without an argument a smaller form: the ten digits, (a) alone.
///
///     build/release/examples/example_14_transcript_to_frames --full recogniser    # leaves model, subtitles and pictures in the folder
///
/// Needs espeak-ng; (b) needs Debian's asterisk-core-sounds-en-wav.

#include <alloy/alignment.hpp>
#include <alloy/core/threads.hpp>
#include <alloy/data/prompt_words.hpp>
#include <alloy/data/spoken_sentences.hpp>
#include <alloy/encoders/series.hpp>
#include <alloy/eval/html_report.hpp>
#include <alloy/eval/html_words.hpp>
#include <alloy/io/atomic_write.hpp>
#include <alloy/io/safetensors.hpp>
#include <alloy/models/speech_aligner.hpp>
#include <alloy/train/speech_trainer.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <span>

using namespace alloy;
using Aligner = std::function<std::vector<WordSpan>(const Audio&, const std::vector<std::string>&)>;

namespace {

/// Voices of espeak-ng: each variant with one accent. Those of the second list are heard in the test alone.
const std::vector<std::string> kTrainVoices = {
    "en-us+adam",    "en-gb+Alex",        "en-us+Annie",  "en-gb-x-rp+belinda", "en-us+benjamin", "en-029+boris",       "en-us-nyc+caleb",
    "en-us+david",   "en-gb+Denis",       "en-us+Diogo",  "en-gb-x-rp+ed",      "en-us+edward2",  "en-us-nyc+Henrique", "en-gb+iven2",
    "en-us+john",    "en-029+kaukovalta", "en-us+Lee",    "en-gb-x-rp+max",     "en-us+Michael",  "en-us+Nguyen",       "en-gb+paul",
    "en-us-nyc+rob", "en-us+robert",      "en-gb+shelby", "en-us+travis",       "en-us+anika",    "en-gb-x-rp+klatt",   "en-us+klatt3",
    "en-us+m1",      "en-gb+m3",          "en-us+m4",     "en-us-nyc+m5",       "en-us+f1",       "en-029+croak"};
const std::vector<std::string> kTestVoices = {"en-us+Andrea", "en-gb-scotland+linda",  "en-us+miguel", "en-gb-scotland+m7",
                                              "en-us+klatt4", "en-gb-scotland+steph2", "en-us+zac",    "en-gb-scotland+norbert",
                                              "en-us+quincy", "en-gb-scotland+grandma"};

/// Sizes of the full form, and of one for every day: zero to nine.
struct Form {
  size_t words, train_voices, test_voices;
  int64_t train_sentences, test_sentences, dim, layers, steps, batch_size;
  double learning_rate;
};
constexpr Form kFull{75, 34, 10, 12, 8, 96, 5, 600, 16, 2e-3}, kQuick{10, 6, 2, 6, 5, 48, 4, 90, 8, 5e-3};

std::vector<std::string> first(const std::vector<std::string>& voices, size_t count) {
  return {voices.begin(), voices.begin() + static_cast<std::ptrdiff_t>(count)};
}

std::vector<TimedSpeech> speak(const LexiconOptions& lexicon, std::vector<std::string> voices, int64_t sentences, int64_t seed) {
  SpokenSentencesOptions options{.voices = std::move(voices), .sentences = sentences, .sample_rate_hz = 8000, .seed = seed};
  for (const LexiconWord& entry : lexicon.words) options.words.push_back(entry.word), options.say.push_back(entry.say);
  return speak_sentences(options).sentences;
}

/// Median over the boundaries of all sentences, in milliseconds.
double print_row(const char* name, const Aligner& align, const std::vector<TimedSpeech>& sentences) {
  std::vector<double> errors;
  for (const TimedSpeech& speech : sentences)
    for (const double error : boundary_errors(align(speech.audio, speech.texts()), speech.words)) errors.push_back(1000 * error);
  std::ranges::sort(errors);
  const auto share = static_cast<double>(std::ranges::upper_bound(errors, 50.0) - errors.begin()) / static_cast<double>(errors.size());
  std::printf("  %-30s %7.1f %7.1f %9.1f %%\n", name, errors[errors.size() / 2], errors[errors.size() * 9 / 10], 100 * share);
  return errors[errors.size() / 2];
}

const std::vector<std::pair<const char*, Aligner>> kBaselines = {
    {"uniform split", split_evenly},
    {"split by letters", split_by_letters},
    {"energy valleys", [](const Audio& audio, const auto& words) { return split_at_valleys(audio, words); }},
    {"valleys, lengths by letters", [](const Audio& audio, const auto& words) { return split_at_valleys(audio, words, {.evenness_db = 20}); }}};

struct Medians {
  double best_baseline = 1e9, raw = 0, found = 0;  // median errors, ms
};
Medians compare(const char* what, SpeechRecognizer model, const std::vector<TimedSpeech>& sentences) {
  std::printf("%s: %zu sentences\n  error of a boundary, ms          median     p90  within 50 ms\n", what, sentences.size());
  Medians scores;
  for (const auto& [name, align] : kBaselines) scores.best_baseline = std::min(scores.best_baseline, print_row(name, align, sentences));
  const auto raw = [&](const Audio& audio, const std::vector<std::string>& words) {  // the network's own tokens, peaky as they are
    std::vector<int64_t> counts;
    for (const std::string& word : words) counts.push_back(std::ssize(model->lexicon().units_of(word)));
    return word_spans(align_speech(model, audio, words).path, words_of_counts(words, counts),
                      {.frame_seconds = model->step_seconds(), .max_before_seconds = 0, .max_after_seconds = 0});
  };
  scores.raw = print_row("recogniser, tokens as they are", raw, sentences);
  scores.found = print_row(
      "recogniser, by onsets", [&](const Audio& a, const auto& w) { return align_speech(model, a, w).words; }, sentences);
  return scores;
}

/// One sentence for the eye: words to frames of a 25 fps clip, subtitles, a picture of the spectrogram with the words over it.
std::string show(SpeechRecognizer model, const TimedSpeech& speech, const std::filesystem::path& folder, const std::string& name) {
  const std::vector<WordSpan> words = align_speech(model, speech.audio, speech.texts()).words;
  const double seconds = static_cast<double>(speech.audio.frames()) / static_cast<double>(speech.audio.sample_rate_hz);
  const std::vector<FrameRange> frames =
      spans_to_frames(times_of(words), FrameClock{.fps = 25, .num_frames = static_cast<int64_t>(std::ceil(25 * seconds))});
  for (size_t i = 0; i < words.size(); ++i)
    std::printf("  %-10s %6.2f to %5.2f s, frames %3lld to %3lld\n", words[i].text.c_str(), words[i].time.start, words[i].time.stop,
                static_cast<long long>(frames[i].begin), static_cast<long long>(frames[i].end) - 1);
  write_file(folder / (name + ".wav"), encode_wav(speech.audio));
  write_srt(folder / (name + ".srt"), words);
  const std::string title = "(" + name + ") " + (speech.speaker.empty() ? "a human voice" : "voice " + speech.speaker);
  html::WordChart chart{.title = title, .audio = speech.audio, .lanes = {{"truth", speech.words}, {"recogniser", words}}, .fps = 25};
  for (const auto& [baseline, align] : kBaselines) chart.lanes.push_back({baseline, align(speech.audio, speech.texts())});
  return html::section(name, title, html::word_chart(chart) + html::details("times", html::word_table(chart)));
}

}  // namespace

int main(int argc, char** argv) {
  bool full = false;
  std::filesystem::path folder = std::filesystem::temp_directory_path() / "alloy-example-14";
  for (const std::string argument : std::span(argv + 1, argv + argc)) argument == "--full" ? void(full = true) : void(folder = argument);
  std::filesystem::create_directories(folder);
  const ThreadScope few_threads(full ? std::min(2, threads()) : 1);
  const Form form = full ? kFull : kQuick;
  LexiconOptions lexicon = english_lexicon();
  lexicon.words.resize(form.words);
  const auto report = [](const Progress& p) {
    if (p.done % 100 == 0)
      std::fprintf(stderr, "step %lld of %lld, %s, %.0f s\n", static_cast<long long>(p.done), static_cast<long long>(p.total), p.note.c_str(),
                   p.seconds);
  };

  // [recogniser]
  const std::vector<TimedSpeech> spoken = speak(lexicon, first(kTrainVoices, form.train_voices), form.train_sentences, /*seed=*/1);
  seed_everything(1);
  SpeechRecognizer model({.lexicon = lexicon}, DilatedConvEncoder({.channels = 80, .dim = form.dim, .layers = form.layers}));
  SpeechTrainer trainer(
      model, {.learning_rate = form.learning_rate, .steps = form.steps, .batch_size = form.batch_size, .schedule = {.warmup = form.steps / 12}});
  const SpeechTrainResult trained = trainer.fit(SpeechMixer(spoken), report);
  measure_lags(model, spoken);  // how late it says each sound, on the voices of the training
  save_model(folder / "model", model);
  // [recogniser]
  std::printf("%zu sentences of %zu words, %zu steps in %.0f s, last loss %.3f\n", spoken.size(), lexicon.words.size(), trained.losses.size(),
              trained.seconds, trained.losses.back());

  const std::vector<TimedSpeech> unheard = speak(lexicon, first(kTestVoices, form.test_voices), form.test_sentences, /*seed=*/2);
  const Medians a = compare("(a) continuous speech of voices never heard", model, unheard);
  std::string body = "<h1>Words in time</h1>" + show(model, unheard.front(), folder, "a");
  bool expected = full ? a.found <= 50 && a.found <= 0.5 * a.best_baseline : a.found <= 0.6 * a.best_baseline;
  if (full) {
    const std::vector<TimedSpeech> human = prompt_sentences(read_prompt_words(kPromptFolder, model->lexicon().words()), {});
    const Medians b = compare("(b) a human voice never heard, words cross-faded by 20 ms", model, human);
    body += show(model, human.front(), folder, "b");
    expected = expected && b.found <= 50;
  }

  // [own network]
  const TimedSpeech& speech = unheard.back();
  save_safetensors(folder / "log_probs.safetensors", {{"log_probs", model->log_probs(speech.audio)}});  // as any other program may
  const Tensor log_probs = load_safetensors(folder / "log_probs.safetensors").front().second;           // [T, V], blank first
  const SpeechAlignOptions clock{.onsets = {.frame_seconds = 0.02, .first_seconds = -0.005}};
  const auto words = align_log_probs(log_probs, Lexicon(lexicon), speech.audio, speech.texts(), model->lags(), clock).words;
  // [own network]
  expected = expected && boundary_errors(words, align_speech(model, speech.audio, speech.texts()).words).front() < 1e-9;
  write_file(folder / "words.html", html::page({.title = "Words in time", .body = body}));
  std::printf("model, sound, subtitles and pictures: %s\n%s\n", folder.c_str(), expected ? "as expected" : "NOT what was expected");
  return expected ? 0 : 1;
}
