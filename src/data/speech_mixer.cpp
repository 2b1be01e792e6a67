// SPDX-License-Identifier: Apache-2.0
#include <alloy/data/speech_mixer.hpp>

#include <algorithm>
#include <cmath>
#include <map>

namespace alloy {

namespace {

using Samples = std::vector<float>;

int64_t samples_in(double seconds, int64_t rate) { return std::llround(seconds * static_cast<double>(rate)); }

Audio cut(const Audio& audio, const TimeSpan& time) {
  const int64_t begin = std::clamp<int64_t>(samples_in(time.start, audio.sample_rate_hz), 0, audio.frames());
  const int64_t end = std::clamp<int64_t>(samples_in(time.stop, audio.sample_rate_hz), begin, audio.frames());
  return {.samples = {audio.samples.begin() + begin, audio.samples.begin() + end}, .channels = 1, .sample_rate_hz = audio.sample_rate_hz};
}

/// Puts words behind each other and keeps the times.
class Joiner {
 public:
  explicit Joiner(int64_t rate) { speech_.audio = {.samples = {}, .channels = 1, .sample_rate_hz = rate}; }

  void pause(int64_t samples) { all().insert(all().end(), static_cast<size_t>(samples), 0.0F); }

  /// @param fade  samples in which the word before fades into this one, shortened to half of either
  void word(const std::string& text, const Samples& samples, int64_t fade) {
    const int64_t before = last_begin_ < 0 ? 0 : std::ssize(all()) - last_begin_;
    fade = std::min({fade, before / 2, std::ssize(samples) / 2});
    const int64_t begin = std::ssize(all()) - fade;
    for (int64_t i = 0; i < fade; ++i) {
      const float share = (static_cast<float>(i) + 0.5F) / static_cast<float>(fade);
      float& x = all()[static_cast<size_t>(begin + i)];
      x = x * (1 - share) + samples[static_cast<size_t>(i)] * share;
    }
    all().insert(all().end(), samples.begin() + fade, samples.end());
    const double boundary = seconds(begin) + seconds(fade) / 2;
    if (fade > 0) speech_.words.back().time.stop = boundary;
    speech_.words.push_back({.text = text, .time = {.start = boundary, .stop = seconds(std::ssize(all()))}});
    last_begin_ = begin;
  }

  TimedSpeech take() { return std::move(speech_); }

 private:
  Samples& all() { return speech_.audio.samples; }
  double seconds(int64_t samples) const { return static_cast<double>(samples) / static_cast<double>(speech_.audio.sample_rate_hz); }
  TimedSpeech speech_;
  int64_t last_begin_ = -1;  // of the word before, in samples
};

/// Read at every `factor`-th place, between samples by linear interpolation.
void play_faster(TimedSpeech& speech, double factor) {
  const Samples& x = speech.audio.samples;
  if (x.empty()) return;
  Samples y(static_cast<size_t>(std::max(1.0, std::floor(static_cast<double>(x.size()) / factor))));
  for (size_t i = 0; i < y.size(); ++i) {
    const double place = static_cast<double>(i) * factor;
    const auto left = std::min(static_cast<size_t>(place), x.size() - 1), right = std::min(left + 1, x.size() - 1);
    const auto share = static_cast<float>(place - static_cast<double>(left));
    y[i] = x[left] * (1 - share) + x[right] * share;
  }
  speech.audio.samples = std::move(y);
  for (WordSpan& word : speech.words) word.time.start /= factor, word.time.stop /= factor;
}

}  // namespace

Audio trim_silence(const Audio& audio, double below_peak_db) { return cut(audio, sound_extent(audio, below_peak_db)); }

TimedSpeech join_words(const std::vector<RecordedWord>& words, double crossfade_seconds) {
  check<DataError>(!words.empty(), "[join_words] expected at least one word, got none");
  check<ConfigError>(crossfade_seconds >= 0 && crossfade_seconds < 1e6, "[join_words] expected crossfade_seconds >= 0, got {}", {crossfade_seconds});
  const int64_t rate = words.front().audio.sample_rate_hz;
  Joiner joiner(rate);
  for (const RecordedWord& word : words) {
    check<DataError>(word.audio.sample_rate_hz == rate && rate > 0 && word.audio.channels == 1 && !word.audio.samples.empty(),
                     "[join_words] expected one channel at {} Hz for '{}', got {} samples of {} channels at {} Hz",
                     {rate, word.text, word.audio.frames(), word.audio.channels, word.audio.sample_rate_hz});
    joiner.word(word.text, word.audio.samples, samples_in(crossfade_seconds, rate));
  }
  return joiner.take();
}

void SpeechMixerOptions::validate() const {
  const auto in = [](std::string_view name, double value, double high) {
    check<ConfigError>(value >= 0 && value <= high, "[SpeechMixer] expected {} in 0..{}, got {}", {name, high, value});
  };
  in("as_spoken", as_spoken, 1);
  in("trim", trim, 1);
  in("pause", pause, 1);
  in("max_pause_seconds", max_pause_seconds, 10);
  in("max_crossfade_seconds", max_crossfade_seconds, 1);
  in("word_gain_db", word_gain_db, 40);
  in("max_edge_seconds", max_edge_seconds, 10);
  in("speed", speed, 0.9);
  check<ConfigError>(1 <= min_words && min_words <= max_words && max_words <= 100,
                     "[SpeechMixer] expected 1 <= min_words <= max_words <= 100, got {} and {}", {min_words, max_words});
}

SpeechMixer::SpeechMixer(std::vector<TimedSpeech> sentences, SpeechMixerOptions options) : sentences_(std::move(sentences)), options_(options) {
  options_.validate();
  check<DataError>(!sentences_.empty(), "[SpeechMixer] expected at least one sentence, got none");
  std::map<std::string, size_t> places;
  for (size_t i = 0; i < sentences_.size(); ++i) {
    const TimedSpeech& s = sentences_[i];
    const double seconds = static_cast<double>(s.audio.frames()) / static_cast<double>(std::max<int64_t>(1, s.audio.sample_rate_hz));
    check<DataError>(s.audio.channels == 1 && !s.audio.samples.empty() && s.audio.sample_rate_hz == sample_rate_hz() && s.audio.sample_rate_hz > 0,
                     "[SpeechMixer] expected one channel at {} Hz in sentence {}, got {} samples of {} channels at {} Hz",
                     {sample_rate_hz(), i, s.audio.frames(), s.audio.channels, s.audio.sample_rate_hz});
    check<DataError>(!s.words.empty(), "[SpeechMixer] expected words in sentence {}, got none", {i});
    for (const WordSpan& word : s.words) {
      check<DataError>(word.time.start >= 0 && word.time.start < word.time.stop && word.time.stop <= seconds + 1e-3,
                       "[SpeechMixer] expected words within the {} s of sentence {}, got '{}' at {} to {} s",
                       {seconds, i, word.text, word.time.start, word.time.stop});
      check<DataError>(!cut(s.audio, word.time).samples.empty(),
                       "[SpeechMixer] expected words of at least a sample in sentence {}, got '{}' at {} to {} s",
                       {i, word.text, word.time.start, word.time.stop});
    }
    const auto [place, added] = places.emplace(s.speaker, speakers_.size());
    if (added) speakers_.emplace_back();
    speakers_[place->second].push_back(i);
  }
}

int64_t SpeechMixer::sample_rate_hz() const { return sentences_.front().audio.sample_rate_hz; }

TimedSpeech SpeechMixer::put_together(Random& random) const {
  const SpeechMixerOptions& o = options_;
  const std::vector<size_t>& own = speakers_[static_cast<size_t>(random.below(std::ssize(speakers_)))];
  Joiner joiner(sample_rate_hz());
  for (int64_t left = o.min_words + random.below(o.max_words - o.min_words + 1), first = left; left > 0; --left) {
    const TimedSpeech& from = sentences_[own[static_cast<size_t>(random.below(std::ssize(own)))]];
    const WordSpan& word = from.words[static_cast<size_t>(random.below(std::ssize(from.words)))];
    Audio sound = cut(from.audio, word.time);
    if (random.chance(o.trim) && !sound.samples.empty()) sound = trim_silence(sound);
    const auto gain = static_cast<float>(std::pow(10.0, random.uniform(-o.word_gain_db, o.word_gain_db) / 20));
    for (float& x : sound.samples) x *= gain;
    const bool pauses = random.chance(o.pause);
    const int64_t fade = samples_in(random.uniform(0, o.max_crossfade_seconds), sample_rate_hz());
    const int64_t gap = samples_in(random.uniform(0, o.max_pause_seconds), sample_rate_hz());
    if (pauses && left < first) joiner.pause(gap);
    joiner.word(word.text, sound.samples, pauses ? 0 : fade);
  }
  TimedSpeech speech = joiner.take();
  speech.speaker = sentences_[own.front()].speaker;
  return speech;
}

TimedSpeech SpeechMixer::operator()(Random& random) const {
  TimedSpeech speech =
      random.chance(options_.as_spoken) ? sentences_[static_cast<size_t>(random.below(std::ssize(sentences_)))] : put_together(random);
  if (options_.speed > 0) play_faster(speech, random.uniform(1 - options_.speed, 1 + options_.speed));
  const int64_t before = samples_in(random.uniform(0, options_.max_edge_seconds), sample_rate_hz());
  const int64_t after = samples_in(random.uniform(0, options_.max_edge_seconds), sample_rate_hz());
  Samples& all = speech.audio.samples;
  all.insert(all.begin(), static_cast<size_t>(before), 0.0F);
  all.insert(all.end(), static_cast<size_t>(after), 0.0F);
  const double shift = static_cast<double>(before) / static_cast<double>(sample_rate_hz());
  for (WordSpan& word : speech.words) word.time.start += shift, word.time.stop += shift;
  return speech;
}

}  // namespace alloy
