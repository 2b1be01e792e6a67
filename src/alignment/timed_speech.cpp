// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/timed_speech.hpp>

#include <algorithm>
#include <cmath>

namespace alloy {

std::vector<std::string> TimedSpeech::texts() const {
  std::vector<std::string> texts;
  for (const WordSpan& word : words) texts.push_back(word.text);
  return texts;
}

std::vector<double> loudness_db(const Audio& audio, double hop_seconds, double window_seconds) {
  check<ShapeError>(audio.channels == 1 && !audio.samples.empty() && audio.sample_rate_hz > 0,
                    "[loudness_db] expected samples of one channel, got {} of {}; to_mono makes one channel", {audio.frames(), audio.channels});
  const auto bad = std::ranges::find_if(audio.samples, [](float x) { return !std::isfinite(x); });
  if (bad != audio.samples.end())
    fail<DataError>("[loudness_db] expected finite samples, got {} at sample {}", {*bad, bad - audio.samples.begin()});
  const auto rate = static_cast<double>(audio.sample_rate_hz);
  const auto count = static_cast<int64_t>(audio.samples.size());
  const int64_t half = std::llround(window_seconds * rate / 2);
  check<ConfigError>(hop_seconds * rate >= 1 && half >= 1 && hop_seconds < 1e6 && window_seconds < 1e6,
                     "[loudness_db] expected hop and window of at least a sample and below 1e6 s, got {} and {}", {hop_seconds, window_seconds});
  std::vector<double> power(audio.samples.size() + 1, 0.0);  // sums up to each sample
  for (size_t i = 0; i < audio.samples.size(); ++i) power[i + 1] = power[i] + static_cast<double>(audio.samples[i]) * audio.samples[i];
  std::vector<double> levels;
  for (double place = 0; place < static_cast<double>(count); place = static_cast<double>(levels.size()) * hop_seconds * rate) {
    const auto centre = static_cast<int64_t>(std::llround(place));
    const int64_t begin = std::max<int64_t>(0, centre - half), end = std::min(count, centre + half);
    const double mean =
        (power[static_cast<size_t>(end)] - power[static_cast<size_t>(begin)]) / static_cast<double>(std::max<int64_t>(1, end - begin));
    levels.push_back(10 * std::log10(std::max(mean, 1e-12)));
  }
  return levels;
}

TimeSpan sound_extent(const Audio& audio, double below_peak_db) {
  check<ConfigError>(below_peak_db > 0, "[sound_extent] expected a level > 0 dB below the peak, got {}", {below_peak_db});
  constexpr double kHop = 0.005;
  const std::vector<double> levels = loudness_db(audio, kHop, 2 * kHop);
  const double least = std::ranges::max(levels) - below_peak_db,
               seconds = static_cast<double>(audio.frames()) / static_cast<double>(audio.sample_rate_hz);
  const auto loud = [&](double level) { return level > least; };
  const auto first = std::ranges::find_if(levels, loud);
  const auto last = std::find_if(levels.rbegin(), levels.rend(), loud);  // there is one: the peak
  return {.start = static_cast<double>(first - levels.begin()) * kHop,
          .stop = std::min(seconds, static_cast<double>(std::distance(last, levels.rend())) * kHop)};
}

std::vector<double> boundary_errors(const std::vector<WordSpan>& found, const std::vector<WordSpan>& truth) {
  check<DataError>(found.size() == truth.size(), "[boundary_errors] expected as many words as the truth, {}, got {}", {truth.size(), found.size()});
  for (size_t i = 0; i < truth.size(); ++i)
    check<DataError>(found[i].text == truth[i].text, "[boundary_errors] expected '{}' as word {}, got '{}'", {truth[i].text, i, found[i].text});
  std::vector<double> errors;
  for (size_t i = 0; i + 1 < truth.size(); ++i) errors.push_back(std::abs(found[i].time.stop - truth[i].time.stop));
  for (size_t i = 1; i < truth.size(); ++i) errors.push_back(std::abs(found[i].time.start - truth[i].time.start));
  return errors;
}

BoundaryScores boundary_scores(const WordAligner& align, std::span<const TimedSpeech> sentences, double within_seconds) {
  std::vector<double> errors;
  for (const TimedSpeech& speech : sentences) {
    const std::vector<double> found = boundary_errors(align(speech.audio, speech.texts()), speech.words);
    errors.insert(errors.end(), found.begin(), found.end());
  }
  check<DataError>(!errors.empty(), "[boundary_scores] expected a sentence of two words at least, got none among {}", {sentences.size()});
  std::ranges::sort(errors);
  const auto within = std::ranges::upper_bound(errors, within_seconds) - errors.begin();
  return {.boundaries = std::ssize(errors),
          .median_seconds = errors[errors.size() / 2],
          .p90_seconds = errors[errors.size() * 9 / 10],
          .within = static_cast<double>(within) / static_cast<double>(errors.size())};
}

}  // namespace alloy
