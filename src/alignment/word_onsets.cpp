// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/word_onsets.hpp>

#include <algorithm>
#include <cmath>

namespace alloy {

namespace {

constexpr double kHop = 0.01, kLeastWord = 1e-3;

/// The longest quiet stretch within `range`, or one of no length.
TimeSpan longest_quiet(const std::vector<double>& levels, double least_db, TimeSpan range) {
  TimeSpan best;
  const auto end = std::min(std::ssize(levels), static_cast<int64_t>(std::floor(range.stop / kHop)) + 1);
  for (int64_t i = std::max<int64_t>(0, static_cast<int64_t>(std::ceil(range.start / kHop))); i < end;) {
    int64_t stop = i;
    while (stop < end && levels[static_cast<size_t>(stop)] < least_db) ++stop;
    if (static_cast<double>(stop - i) * kHop > best.stop - best.start)
      best = {.start = static_cast<double>(i) * kHop, .stop = static_cast<double>(stop) * kHop};
    i = stop + 1;
  }
  return best;
}

/// Where the first pause after `from` begins; at the end of the audio any quiet is one.
double sound_end(const std::vector<double>& levels, double least_db, double from, double seconds, double min_pause_seconds) {
  auto begin = static_cast<int64_t>(from / kHop);  // of the quiet so far
  for (int64_t i = begin; i < std::ssize(levels); ++i) {
    if (levels[static_cast<size_t>(i)] >= least_db) begin = i + 1;
    if (static_cast<double>(i + 1 - begin) * kHop >= min_pause_seconds) break;
  }
  return begin >= std::ssize(levels) ? seconds : std::max(from, static_cast<double>(begin) * kHop);
}

double median_of(std::vector<double> values) {
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::ranges::nth_element(values, middle);
  return *middle;
}

void check_ranges(const CtcAlignment& alignment, const std::vector<WordTokens>& words, const std::vector<double>& lags) {
  int64_t next = 0;
  for (const WordTokens& word : words) {
    check<DataError>(word.begin >= next && word.end > word.begin && word.end <= std::ssize(alignment.spans),
                     "[words_by_onsets] expected ascending tokens within 0..{} for '{}', got {}..{}",
                     {std::ssize(alignment.spans), word.text, word.begin, word.end});
    next = word.end;
    const int64_t token = alignment.spans[static_cast<size_t>(word.begin)].token;
    check<DataError>(lags.empty() || (token >= 0 && token < std::ssize(lags) && std::isfinite(lags[static_cast<size_t>(token)])),
                     "[words_by_onsets] expected a finite lag for token {}, got {} lags", {token, lags.size()});
  }
}

}  // namespace

void WordOnsetOptions::validate() const {
  for (const auto& [name, value] :
       {std::pair{"frame_seconds", frame_seconds}, {"quiet_below_peak_db", quiet_below_peak_db}, {"min_pause_seconds", min_pause_seconds}})
    check<ConfigError>(value > 0 && std::isfinite(value), "[words_by_onsets] expected {} > 0, got {}", {name, value});
  check<ConfigError>(std::isfinite(first_seconds), "[words_by_onsets] expected a finite first_seconds, got {}", {first_seconds});
  check<ConfigError>(max_tail_seconds >= 0, "[words_by_onsets] expected max_tail_seconds >= 0, got {}", {max_tail_seconds});
}

std::vector<WordSpan> words_by_onsets(const CtcAlignment& alignment, const std::vector<WordTokens>& words, const std::vector<double>& lags,
                                      const Audio& audio, const WordOnsetOptions& options) {
  options.validate();
  check_ranges(alignment, words, lags);
  const std::vector<double> levels = loudness_db(audio, kHop, 2 * kHop);
  const double quiet = std::ranges::max(levels) - options.quiet_below_peak_db;
  const double seconds = static_cast<double>(audio.frames()) / static_cast<double>(audio.sample_rate_hz);
  const auto count = std::ssize(words);
  check<DataError>(static_cast<double>(count) * kLeastWord < seconds, "[words_by_onsets] expected audio of more than {} s for {} words, got {} s",
                   {static_cast<double>(count) * kLeastWord, count, seconds});
  const auto time = [&](int64_t frame) {
    return std::clamp(options.first_seconds + static_cast<double>(frame) * options.frame_seconds, 0.0, seconds);
  };
  const auto first_of = [&](int64_t i) { return alignment.spans[static_cast<size_t>(words[static_cast<size_t>(i)].begin)]; };
  const auto last_of = [&](int64_t i) { return alignment.spans[static_cast<size_t>(words[static_cast<size_t>(i)].end - 1)]; };

  std::vector<WordSpan> placed;
  for (int64_t i = 0; i < count; ++i) {
    const WordTokens& tokens = words[static_cast<size_t>(i)];
    const TokenSpan head = first_of(i);
    double start = time(head.start) - (lags.empty() ? 0.0 : lags[static_cast<size_t>(head.token)]);
    double before = 0;  // the word starts after the middle of the last token of the word before it
    if (i > 0) before = (time(last_of(i - 1).start) + time(last_of(i - 1).stop)) / 2;
    start = std::clamp(start, before, std::max(before, seconds));
    const double said = i > 0 ? time(last_of(i - 1).stop) : 0.0;
    const TimeSpan pause = longest_quiet(levels, quiet, {.start = i > 0 ? said : 0.0, .stop = time(head.start)});
    const bool pauses = i == 0 ? pause.stop > start && pause.stop > 0 : pause.stop - pause.start >= options.min_pause_seconds;
    if (pauses) start = std::max(start, std::min(pause.stop, time(head.start)));
    if (i > 0) placed.back().time.stop = std::min({start, pauses ? std::max(pause.start, said) : start, said + options.max_tail_seconds});
    double score = 0, frames = 0;
    for (int64_t k = tokens.begin; k < tokens.end; ++k) {
      const TokenSpan& span = alignment.spans[static_cast<size_t>(k)];
      score += span.score * static_cast<double>(span.stop - span.start);
      frames += static_cast<double>(span.stop - span.start);
    }
    placed.push_back({.text = tokens.text, .time = {.start = start, .stop = seconds}, .score = score / std::max(frames, 1.0)});
  }
  if (count == 0) return placed;
  const double said = time(last_of(count - 1).stop);
  placed.back().time.stop = std::min({seconds, sound_end(levels, quiet, said, seconds, options.min_pause_seconds), said + options.max_tail_seconds});

  // Each word has a length, and none begins before the one in front of it ends.
  for (int64_t i = 0; i < count; ++i) {
    TimeSpan& span = placed[static_cast<size_t>(i)].time;
    const double least = i == 0 ? 0.0 : placed[static_cast<size_t>(i - 1)].time.stop;
    span.start = std::clamp(span.start, least, seconds - static_cast<double>(count - i) * kLeastWord);
    const double most = seconds - static_cast<double>(count - i - 1) * kLeastWord;  // by rounding it may lie below the least stop: no std::clamp
    span.stop = std::min(most, std::max(span.stop, span.start + kLeastWord));
  }
  return placed;
}

std::vector<double> onset_lags(const std::vector<HeardOnset>& onsets, int64_t num_tokens) {
  constexpr double kPrior = 3;  // words
  std::vector<std::vector<double>> lags(static_cast<size_t>(num_tokens));
  std::vector<double> all;
  for (const HeardOnset& onset : onsets) {
    check<DataError>(onset.token >= 0 && onset.token < num_tokens, "[onset_lags] expected tokens in 0..{}, got {}", {num_tokens - 1, onset.token});
    check<DataError>(std::isfinite(onset.found_seconds) && std::isfinite(onset.true_seconds), "[onset_lags] expected finite times, got {} and {}",
                     {onset.found_seconds, onset.true_seconds});
    lags[static_cast<size_t>(onset.token)].push_back(onset.found_seconds - onset.true_seconds);
    all.push_back(onset.found_seconds - onset.true_seconds);
  }
  std::vector<double> result(lags.size(), 0.0);
  if (all.empty()) return result;
  const double common = median_of(all);
  for (size_t token = 0; token < lags.size(); ++token) {
    const auto count = static_cast<double>(lags[token].size());
    result[token] = ((count > 0 ? median_of(lags[token]) * count : 0.0) + common * kPrior) / (count + kPrior);
  }
  return result;
}

}  // namespace alloy
