// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/word_baselines.hpp>

#include "core/detail/utf8.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace alloy {

namespace {

constexpr double kHop = 0.01, kRangeDb = 40;

void check_words(const std::vector<std::string>& words, std::string_view where) {
  check<DataError>(!words.empty(), "[{}] expected at least one word, got none", {where});
}

/// Words between ascending boundaries, the outer ones included.
std::vector<WordSpan> between(const std::vector<double>& boundaries, const std::vector<std::string>& words) {
  std::vector<WordSpan> spans;
  for (size_t i = 0; i < words.size(); ++i) spans.push_back({.text = words[i], .time = {.start = boundaries[i], .stop = boundaries[i + 1]}});
  return spans;
}

std::vector<double> shares_of(const std::vector<std::string>& words) {
  std::vector<double> shares;
  for (const std::string& word : words) shares.push_back(static_cast<double>(std::max<int64_t>(1, detail::character_count(word))));
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  for (double& share : shares) share /= sum;
  return shares;
}

std::vector<WordSpan> split_by_shares(const Audio& audio, const std::vector<std::string>& words, const std::vector<double>& shares) {
  const TimeSpan extent = sound_extent(audio);
  std::vector<double> boundaries = {extent.start};
  for (const double share : shares) boundaries.push_back(boundaries.back() + share * (extent.stop - extent.start));
  return between(boundaries, words);
}

/// How deep each frame lies below the lower of the highest points to its left and right, up to where it is deeper still.
std::vector<double> valley_depths(const std::vector<double>& level) {
  const auto count = static_cast<int64_t>(level.size());
  std::vector<double> depths(level.size(), 0.0);
  const auto at = [&](int64_t i) { return level[static_cast<size_t>(i)]; };
  for (int64_t i = 1; i + 1 < count; ++i) {
    if (at(i) > at(i - 1) || at(i) >= at(i + 1)) continue;
    double left = at(i), right = at(i);
    for (int64_t k = i - 1; k >= 0 && at(k) >= at(i); --k) left = std::max(left, at(k));
    for (int64_t k = i + 1; k < count && at(k) >= at(i); ++k) right = std::max(right, at(k));
    int64_t flat = i;  // the middle of a flat valley
    while (flat > 0 && at(flat - 1) == at(i)) --flat;
    depths[static_cast<size_t>((flat + i) / 2)] = std::min(left, right) - at(i);
  }
  return depths;
}

std::vector<double> smooth_levels(const Audio& audio) {
  std::vector<double> raw = loudness_db(audio, kHop, 0.03), smooth;
  const double least = std::ranges::max(raw) - kRangeDb;
  for (double& x : raw) x = std::max(x, least);
  for (size_t i = 0; i < raw.size(); ++i) smooth.push_back((raw[i == 0 ? 0 : i - 1] + raw[i] + raw[std::min(i + 1, raw.size() - 1)]) / 3);
  return smooth;
}

}  // namespace

void ValleyOptions::validate() const {
  check<ConfigError>(min_word_seconds > 0 && std::isfinite(min_word_seconds), "[split_at_valleys] expected min_word_seconds > 0, got {}",
                     {min_word_seconds});
  check<ConfigError>(evenness_db >= 0 && std::isfinite(evenness_db), "[split_at_valleys] expected evenness_db >= 0, got {}", {evenness_db});
}

std::vector<WordSpan> split_evenly(const Audio& audio, const std::vector<std::string>& words) {
  check_words(words, "split_evenly");
  return split_by_shares(audio, words, std::vector<double>(words.size(), 1.0 / static_cast<double>(words.size())));
}

std::vector<WordSpan> split_by_letters(const Audio& audio, const std::vector<std::string>& words) {
  check_words(words, "split_by_letters");
  return split_by_shares(audio, words, shares_of(words));
}

std::vector<WordSpan> split_at_valleys(const Audio& audio, const std::vector<std::string>& words, const ValleyOptions& options) {
  check_words(words, "split_at_valleys");
  options.validate();
  const TimeSpan extent = sound_extent(audio);
  const std::vector<double> depths = valley_depths(smooth_levels(audio));
  const int64_t first = std::llround(extent.start / kHop), length = std::max<int64_t>(first, std::llround(extent.stop / kHop)) - first;
  const auto inner = static_cast<int64_t>(words.size()) - 1;
  if (length < static_cast<int64_t>(words.size())) return split_evenly(audio, words);  // under a frame a word
  int64_t least = std::max<int64_t>(1, std::llround(options.min_word_seconds / kHop));
  while (least > 1 && least * (inner + 1) > length) least /= 2;
  const std::vector<double> shares = shares_of(words);
  const auto uneven = [&](int64_t word, int64_t frames) {
    const double ratio = static_cast<double>(frames) / (shares[static_cast<size_t>(word)] * static_cast<double>(length)) - 1;
    return options.evenness_db * ratio * ratio;
  };
  // best[k][t]: the most that boundaries 0..k can be worth with boundary k at frame first + t.
  constexpr double kNever = -std::numeric_limits<double>::infinity();
  std::vector<std::vector<double>> best(static_cast<size_t>(inner), std::vector<double>(static_cast<size_t>(length + 1), kNever));
  std::vector<std::vector<int64_t>> from(best.size(), std::vector<int64_t>(static_cast<size_t>(length + 1), 0));
  const auto depth = [&](int64_t t) { return static_cast<size_t>(first + t) < depths.size() ? depths[static_cast<size_t>(first + t)] : 0.0; };
  for (int64_t k = 0; k < inner; ++k)
    for (int64_t t = least * (k + 1); t + least * (inner - k) <= length; ++t) {
      double& value = best[static_cast<size_t>(k)][static_cast<size_t>(t)];
      if (k == 0) {
        value = depth(t) - uneven(0, t);
        continue;
      }
      for (int64_t before = least * k; before + least <= t; ++before) {
        const double candidate = best[static_cast<size_t>(k - 1)][static_cast<size_t>(before)] + depth(t) - uneven(k, t - before);
        if (candidate > value) value = candidate, from[static_cast<size_t>(k)][static_cast<size_t>(t)] = before;
      }
    }
  std::vector<double> boundaries = {extent.stop};
  int64_t place = 0;
  for (int64_t k = inner - 1; k >= 0; --k) {
    const std::vector<double>& row = best[static_cast<size_t>(k)];
    if (k == inner - 1) {
      double top = kNever;
      for (int64_t t = 0; t <= length; ++t)
        if (const double value = row[static_cast<size_t>(t)] - uneven(inner, length - t); value > top) top = value, place = t;
    } else {
      place = from[static_cast<size_t>(k + 1)][static_cast<size_t>(place)];
    }
    boundaries.push_back(static_cast<double>(first + place) * kHop);
  }
  boundaries.push_back(extent.start);
  std::ranges::reverse(boundaries);
  return between(boundaries, words);
}

std::vector<std::pair<std::string, WordAligner>> word_baselines() {
  using Words = std::vector<std::string>;
  return {
      {"uniform split", split_evenly},
      {"split by letters", split_by_letters},
      {"energy valleys", [](const Audio& audio, const Words& words) { return split_at_valleys(audio, words); }},
      {"valleys, lengths by letters", [](const Audio& audio, const Words& words) { return split_at_valleys(audio, words, {.evenness_db = 20}); }}};
}

}  // namespace alloy
