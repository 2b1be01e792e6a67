// SPDX-License-Identifier: Apache-2.0
#include <alloy/data/spoken_sentences.hpp>

#include "data/detail/alternating_words.hpp"
#include "data/detail/espeak.hpp"

#include <alloy/core/jobs.hpp>
#include <alloy/core/random.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <set>

namespace alloy {

namespace {

constexpr auto kWhere = "speak_sentences";
constexpr double kMarginSeconds = 0.01;  // of the silence around a sentence that is kept

struct Task {
  size_t voice = 0;
  int64_t speed_wpm = 0, pitch = 0;
  std::vector<size_t> words = {};
};

/// All sentences, by the seed alone. Words come from a shuffled deck that is filled again when it is empty.
std::vector<Task> plan(const SpokenSentencesOptions& o) {
  Random random(mix_seed({static_cast<uint64_t>(o.seed), 0x73706b}));
  std::vector<int64_t> deck;
  std::vector<Task> tasks;
  const auto in = [&](int64_t low, int64_t high) { return low + random.below(high - low + 1); };
  for (size_t voice = 0; voice < o.voices.size(); ++voice)
    for (int64_t i = 0; i < o.sentences; ++i) {
      Task task{.voice = voice, .speed_wpm = in(o.min_speed_wpm, o.max_speed_wpm), .pitch = in(o.min_pitch, o.max_pitch)};
      for (int64_t left = in(o.min_words, o.max_words); left > 0; --left) {
        if (deck.empty()) deck = random.permutation(static_cast<int64_t>(o.words.size()));
        task.words.push_back(static_cast<size_t>(deck.back()));
        deck.pop_back();
      }
      tasks.push_back(std::move(task));
    }
  return tasks;
}

/// Note [Words by loudness]: `loud_parity` 0 makes words 0, 2, 4 ... loud. Neither loudness is that of espeak-ng, so that there is a
/// change before every word in both recordings, and what a change does to the sound is the same in both.
std::string marked_text(const SpokenSentencesOptions& o, const Task& task, size_t loud_parity) {
  std::string text = "<speak>";
  for (size_t i = 0; i < task.words.size(); ++i) {
    const size_t word = task.words[i];
    const std::string& say = o.say.empty() || o.say[word].empty() ? o.words[word] : o.say[word];
    text += (i == 0 ? "" : " ") + std::string("<prosody volume=\"") + (i % 2 == loud_parity ? "80" : "40") + "\">" + say + "</prosody>";
  }
  return text + "</speak>";
}

std::optional<TimedSpeech> say_sentence(const SpokenSentencesOptions& o, const Task& task) {
  const auto record = [&](size_t loud_parity) {
    return detail::espeak_say({.program = o.program,
                               .voice = o.voices[task.voice],
                               .speed_wpm = task.speed_wpm,
                               .pitch = task.pitch,
                               .text = marked_text(o, task, loud_parity),
                               .markup = detail::SpeechMarkup::ssml},
                              kWhere, "a sentence by voice " + o.voices[task.voice]);
  };
  const Audio first = record(0), second = record(1);
  const auto found = detail::find_alternating_words(first.samples, second.samples, static_cast<int64_t>(task.words.size()));
  if (!found) return std::nullopt;
  const auto& ranges = *found;

  // The louder of the two everywhere, without the pause that every word has: the shortest one.
  std::vector<float> loud(first.samples.size());
  for (size_t i = 0; i < loud.size(); ++i) loud[i] = std::abs(first.samples[i]) >= std::abs(second.samples[i]) ? first.samples[i] : second.samples[i];
  int64_t pause = std::ssize(loud);
  for (size_t i = 0; i + 1 < ranges.size(); ++i) pause = std::min(pause, ranges[i + 1].begin - ranges[i].end);
  const int64_t margin = std::llround(kMarginSeconds * static_cast<double>(first.sample_rate_hz));
  const auto rate = static_cast<double>(first.sample_rate_hz);
  Audio audio{.samples = {}, .channels = 1, .sample_rate_hz = first.sample_rate_hz};
  const auto append = [&](int64_t begin, int64_t end) { audio.samples.insert(audio.samples.end(), loud.begin() + begin, loud.begin() + end); };
  TimedSpeech speech{.speaker = o.voices[task.voice]};
  append(std::max<int64_t>(0, ranges.front().begin - margin), ranges.front().begin);
  for (size_t i = 0; i < ranges.size(); ++i) {
    const double start = static_cast<double>(audio.frames()) / rate;
    append(ranges[i].begin, ranges[i].end);
    speech.words.push_back({.text = o.words[task.words[i]], .time = {.start = start, .stop = static_cast<double>(audio.frames()) / rate}});
    if (i + 1 < ranges.size()) append(ranges[i].end + pause, ranges[i + 1].begin);
  }
  append(ranges.back().end, std::min(std::ssize(loud), ranges.back().end + margin));
  speech.audio = resample(audio, o.sample_rate_hz);
  return speech;
}

bool sayable(const std::string& text) {
  return std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '\''; });
}

}  // namespace

void SpokenSentencesOptions::validate() const {
  const auto names = [](std::string_view what, const std::vector<std::string>& list) {
    check<ConfigError>(!list.empty() && std::set(list.begin(), list.end()).size() == list.size() && std::ranges::find(list, "") == list.end(),
                       "[{}] expected {}, at least one, none empty, no repeats, got {}", {kWhere, what, list});
  };
  names("words", words);
  names("voices", voices);
  check<ConfigError>(say.empty() || say.size() == words.size(), "[{}] expected say to be empty or one a word, {}, got {}",
                     {kWhere, words.size(), say.size()});
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& text = say.empty() || say[i].empty() ? words[i] : say[i];
    check<ConfigError>(sayable(text), "[{}] expected words of letters, digits and apostrophes to say, got '{}'", {kWhere, text});
  }
  const auto range = [](std::string_view what, int64_t low, int64_t least, int64_t most, int64_t high) {
    check<ConfigError>(low <= least && least <= most && most <= high, "[{}] expected {} with {} <= least <= most <= {}, got {} and {}",
                       {kWhere, what, low, high, least, most});
  };
  range("words of a sentence", 2, min_words, max_words, 100);
  range("speeds", 80, min_speed_wpm, max_speed_wpm, 450);
  range("pitches", 0, min_pitch, max_pitch, 99);
  range("sentences", 1, sentences, sentences, 100'000);
  range("sample_rate_hz", 4000, sample_rate_hz, sample_rate_hz, 48'000);
  range("workers", 0, workers, workers, 256);
}

SpokenSentences speak_sentences(const SpokenSentencesOptions& options, const ProgressCallback& progress, const CancelToken& cancel) {
  options.validate();
  const auto began = std::chrono::steady_clock::now();
  detail::espeak_version(options.program, kWhere);
  const std::vector<Task> tasks = plan(options);
  std::vector<std::optional<TimedSpeech>> said(tasks.size());
  const auto one = [&](int64_t i) {
    cancel.check(kWhere);
    said[static_cast<size_t>(i)] = say_sentence(options, tasks[static_cast<size_t>(i)]);
  };
  const auto report = [&](int64_t done) {
    cancel.check(kWhere);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - began;
    if (progress) progress({.stage = "speak", .done = done, .total = std::ssize(tasks), .seconds = seconds.count()});
  };
  run_jobs(std::ssize(tasks), options.workers == 0 ? num_cores() : options.workers, one, report);

  SpokenSentences result;
  std::vector<int64_t> lost(options.voices.size(), 0);
  for (size_t i = 0; i < said.size(); ++i) {
    if (said[i]) result.sentences.push_back(std::move(*said[i]));
    else ++lost[tasks[i].voice], ++result.left_out;
  }
  for (size_t voice = 0; voice < lost.size(); ++voice)
    check<ConfigError>(2 * lost[voice] <= options.sentences,
                       "[{}] expected voices whose words can be told apart, got {} with {} of {} sentences that cannot; it has an echo",
                       {kWhere, options.voices[voice], lost[voice], options.sentences});
  return result;
}

}  // namespace alloy
