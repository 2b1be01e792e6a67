// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/word_spans.hpp>

#include <algorithm>
#include <cmath>

namespace alloy {

namespace {

/// Where the boundary before frame f lies, strictly ascending in f and within the recording. The delay may push frames out of the
/// recording; those are squeezed to a thousandth at its edge, so that every word keeps some length.
class FrameTimes {
 public:
  FrameTimes(int64_t frames, const WordSpanOptions& options) : frames_(frames), o_(options) {}
  double operator()(int64_t f) const {
    constexpr double kSqueezed = 1e-3;
    const auto frame = static_cast<double>(f), frames = static_cast<double>(frames_);
    const double earliest = kSqueezed * frame * o_.frame_seconds, latest = (frames - kSqueezed * (frames - frame)) * o_.frame_seconds;
    return o_.first_seconds + std::clamp(frame * o_.frame_seconds - o_.delay_seconds, earliest, latest);
  }

 private:
  int64_t frames_;
  const WordSpanOptions& o_;
};

void check_words(const std::vector<WordTokens>& words, int64_t num_tokens) {
  int64_t before = 0;
  for (const WordTokens& word : words) {
    check<DataError>(word.begin >= before && word.begin < word.end && word.end <= num_tokens,
                     "[word_spans] expected ascending ranges of at least one of the {} tokens, got [{}, {}) for '{}' after a range that ends at {}",
                     {num_tokens, word.begin, word.end, word.text, before});
    before = word.end;
  }
}

/// Mean over the frames of the tokens [begin, end).
double mean_score(const std::vector<TokenSpan>& spans, const WordTokens& word) {
  double sum = 0, frames = 0;
  for (int64_t i = word.begin; i < word.end; ++i) {
    const TokenSpan& span = spans[static_cast<size_t>(i)];
    sum += span.score * static_cast<double>(span.stop - span.start);
    frames += static_cast<double>(span.stop - span.start);
  }
  return sum / frames;
}

}  // namespace

void WordSpanOptions::validate() const {
  const auto within = [](double x, double least, double most) { return x >= least && x <= most; };
  check<ConfigError>(frame_seconds > 0 && frame_seconds <= 1000, "[WordSpanOptions] expected frame_seconds above 0 and at most 1000, got {}",
                     {frame_seconds});
  check<ConfigError>(std::isfinite(first_seconds) && std::isfinite(delay_seconds),
                     "[WordSpanOptions] expected finite first_seconds and delay_seconds, got {} and {}", {first_seconds, delay_seconds});
  check<ConfigError>(within(share_before, 0, 1) && within(share_after, 0, 1) && share_before + share_after <= 1,
                     "[WordSpanOptions] expected share_before and share_after within 0..1 and at most 1 together, got {} and {}",
                     {share_before, share_after});
  check<ConfigError>(max_before_seconds >= 0 && max_after_seconds >= 0,
                     "[WordSpanOptions] expected max_before_seconds and max_after_seconds >= 0, got {} and {}",
                     {max_before_seconds, max_after_seconds});
}

std::vector<WordTokens> words_of_counts(const std::vector<std::string>& texts, const std::vector<int64_t>& counts) {
  check<ShapeError>(texts.size() == counts.size(), "[words_of_counts] expected a count of tokens for each of {} words, got {}",
                    {texts.size(), counts.size()});
  std::vector<WordTokens> words;
  int64_t begin = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    check<DataError>(counts[i] >= 1, "[words_of_counts] expected at least one token a word, got {} for '{}'", {counts[i], texts[i]});
    words.push_back({.text = texts[i], .begin = begin, .end = begin + counts[i]});
    begin += counts[i];
  }
  return words;
}

std::vector<WordTokens> words_between(const std::vector<std::string>& texts, const std::vector<int64_t>& targets, int64_t separator) {
  std::vector<WordTokens> words;
  const auto size = std::ssize(targets);
  for (int64_t begin = 0; begin <= size && size > 0;) {
    const int64_t end = std::find(targets.begin() + begin, targets.end(), separator) - targets.begin();
    check<DataError>(begin < end, "[words_between] expected tokens between separators, got none at place {}", {begin});
    words.push_back({.text = {}, .begin = begin, .end = end});
    begin = end + 1;
  }
  check<DataError>(words.size() == texts.size(), "[words_between] expected {} words, got {} runs of tokens between separators",
                   {texts.size(), words.size()});
  for (size_t i = 0; i < texts.size(); ++i) words[i].text = texts[i];
  return words;
}

std::vector<WordSpan> word_spans(const CtcAlignment& alignment, const std::vector<WordTokens>& words, const WordSpanOptions& options) {
  options.validate();
  check_words(words, std::ssize(alignment.spans));
  const FrameTimes time(std::ssize(alignment.labels), options);
  const auto start_of = [&](const WordTokens& word) { return time(alignment.spans[static_cast<size_t>(word.begin)].start); };
  const auto stop_of = [&](const WordTokens& word) { return time(alignment.spans[static_cast<size_t>(word.end - 1)].stop); };
  std::vector<WordSpan> result;
  double spoken_before = time(0), free_from = spoken_before;  // where the word before ends on the path, and with its share of the gap
  for (size_t i = 0; i < words.size(); ++i) {
    const double start = start_of(words[i]), stop = stop_of(words[i]);
    const double next = i + 1 < words.size() ? start_of(words[i + 1]) : time(std::ssize(alignment.labels));
    const double before = std::min(options.share_before * (start - spoken_before), options.max_before_seconds);
    const double after = std::min(options.share_after * (next - stop), options.max_after_seconds);
    result.push_back({.text = words[i].text,
                      .time = {std::max(free_from, start - before), std::min(stop + after, next)},
                      .score = mean_score(alignment.spans, words[i])});
    spoken_before = stop;
    free_from = result.back().time.stop;
  }
  return result;
}

std::vector<TimeSpan> times_of(const std::vector<WordSpan>& words) {
  std::vector<TimeSpan> times;
  for (const WordSpan& word : words) times.push_back(word.time);
  return times;
}

}  // namespace alloy
