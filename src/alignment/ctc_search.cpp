// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/ctc_search.hpp"

#include <algorithm>
#include <limits>

namespace alloy::detail {

namespace {

// Note [Checkpoints of the trellis]: where the best path came from is known only once its end is known, but a bit or two for every
// frame and state are gigabytes for hours of audio. So a first run over all frames keeps nothing but the scores of all states, once
// every `stride` frames. Then, from the last stretch to the first, the frames of one stretch are run again, from the scores at its beginning
// and now with bits. Its path ends in a state that is known, and a path moves by at most two states a frame: only the 2 stride states
// before it are run, which is why all of this costs little more than one run. States left out at the lower edge make their right neighbours
// wrong, but never faster than by two states a frame, so never one that the path can be in. (Compare Hirschberg 1975.)

constexpr double kNever = -std::numeric_limits<double>::infinity();

int64_t down(int64_t x, int64_t step) { return x / step * step; }
int64_t up(int64_t x, int64_t step) { return down(x + step - 1, step); }

/// Tokens [begin, end), multiples of kCtcGroup.
struct TokenRange {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};

/// L tokens and the blank behind them, padded to whole groups by tokens that are never said.
int64_t padded(int64_t tokens) { return up(tokens + 1, kCtcGroup); }

/// Those that a path can have reached after `done` frames and from which it still reaches its end.
TokenRange reachable(int64_t frames, int64_t tokens, int64_t done) {
  const int64_t first_state = std::max<int64_t>(0, 2 * tokens - 1 - 2 * (frames - done));
  return {down(first_state / 2, kCtcGroup), std::min(padded(tokens), up(done + 1, kCtcGroup))};
}

/// Those in which a path can be `frames` frames before it is in `state`; with room for the state before that one.
TokenRange window(int64_t frames, int64_t state) {
  return {down(std::max<int64_t>(0, state - 1 - 2 * frames) / 2, kCtcGroup), up(state / 2 + 1, kCtcGroup)};
}

/// Scores of the tokens of a range and of the blanks before them.
struct Scores {
  TokenRange range;
  std::vector<double> blanks, tokens;
  explicit Scores(TokenRange of) : range(of), blanks(static_cast<size_t>(of.size()), kNever), tokens(blanks) {}
  /// Before the first frame: in front of the first token, whatever comes first.
  static Scores at_start(TokenRange of) {
    Scores scores(of);
    if (of.begin == 0) scores.blanks[0] = 0;
    return scores;
  }
  /// Those of another range; never where not known.
  Scores part(TokenRange of) const {
    Scores scores(of);
    const int64_t first = std::max(of.begin, range.begin), last = std::min(of.end, range.end);
    if (first >= last) return scores;
    std::copy_n(blanks.begin() + (first - range.begin), last - first, scores.blanks.begin() + (first - of.begin));
    std::copy_n(tokens.begin() + (first - range.begin), last - first, scores.tokens.begin() + (first - of.begin));
    return scores;
  }
};

class Search {
 public:
  Search(const CtcProblem& problem, int64_t stride, const CtcKernels& kernels)
      : problem_(problem), kernels_(kernels), stride_(stride), num_tokens_(std::ssize(problem.rows)) {
    const auto n = static_cast<size_t>(padded(num_tokens_));
    rows_ = problem.rows;
    rows_.resize(n, static_cast<int32_t>(problem.num_rows));  // a row of never
    skips_.resize(n, kNever);
    for (size_t i = 1; i < problem.rows.size(); ++i)
      if (rows_[i] != rows_[i - 1]) skips_[i] = 0;
    emissions_.resize(static_cast<size_t>((problem.num_rows + 1) * kCtcFrames), kNever);
  }

  CtcPath run() {
    const int64_t frames = problem_.frames;
    std::vector<Scores> checkpoints = {Scores::at_start(reachable(frames, num_tokens_, 0))};
    Scores now = Scores::at_start({0, padded(num_tokens_)});
    for (int64_t t = stride_; t < frames; t += stride_) {
      for (int64_t first = t - stride_; first < t; first += kCtcFrames) {
        const TokenRange range = {reachable(frames, num_tokens_, first).begin, reachable(frames, num_tokens_, first + kCtcFrames).end};
        advance(now, range, first, kCtcFrames, nullptr);
      }
      checkpoints.push_back(now.part(reachable(frames, num_tokens_, t)));
      problem_.tick(stride_);
    }
    CtcPath path;
    path.states.resize(static_cast<size_t>(frames));
    int64_t state = 2 * num_tokens_;
    for (int64_t end = frames; !checkpoints.empty() && end > 0; checkpoints.pop_back()) {
      const int64_t begin = (std::ssize(checkpoints) - 1) * stride_;
      Scores scores = checkpoints.back().part(window(end - begin, state));
      run_with_bits(scores, begin, end);
      if (end == frames && !choose_end(scores, state, path.score)) return {};
      walk_back(scores.range, begin, end, state, path.states);
      problem_.tick(end == frames ? end - begin : 0);
      end = begin;
    }
    return path;
  }

 private:
  /// @param range  of tokens, within those of the scores
  void advance(Scores& scores, TokenRange range, int64_t first, int64_t count, uint8_t* from) {
    problem_.read(first, count, emissions_.data(), blanks_.data());
    const int64_t at = range.begin - scores.range.begin;
    kernels_.advance({.blank_scores = scores.blanks.data() + at,
                      .token_scores = scores.tokens.data() + at,
                      .skips = skips_.data() + range.begin,
                      .rows = rows_.data() + range.begin,
                      .n = range.size(),
                      .emissions = emissions_.data(),
                      .blank_emissions = blanks_.data(),
                      .frames = count,
                      .from = from});
  }

  void run_with_bits(Scores& scores, int64_t begin, int64_t end) {
    const int64_t frame_bytes = 3 * scores.range.size() / 8;
    bits_.resize(static_cast<size_t>((end - begin) * frame_bytes));
    for (int64_t first = begin; first < end; first += kCtcFrames)
      advance(scores, scores.range, first, std::min(kCtcFrames, end - first), bits_.data() + (first - begin) * frame_bytes);
  }

  /// The last token or the blank behind it. @return whether any path has come there
  bool choose_end(const Scores& scores, int64_t& state, double& score) const {
    const auto at = static_cast<size_t>(num_tokens_ - scores.range.begin);  // of the blank
    score = scores.blanks[at];
    if (num_tokens_ > 0 && scores.tokens[at - 1] > score) {
      score = scores.tokens[at - 1];
      state = 2 * num_tokens_ - 1;
    }
    return score > kNever;
  }

  /// @param state  after the last frame; on return, before the first
  void walk_back(TokenRange range, int64_t begin, int64_t end, int64_t& state, std::vector<int32_t>& states) const {
    const int64_t n = range.size();
    for (int64_t t = end - 1; t >= begin; --t) {
      states[static_cast<size_t>(t)] = static_cast<int32_t>(state);
      const int64_t token = state / 2 - range.begin;
      const auto bit = [&](int64_t kind) { return (bits_[static_cast<size_t>((((t - begin) * 3 + kind) * n + token) / 8)] >> (token % 8)) & 1; };
      if (state % 2 == 0) state -= bit(0);
      else if (bit(2) != 0) state -= 2;
      else state -= bit(1);
    }
  }

  const CtcProblem& problem_;
  const CtcKernels& kernels_;
  int64_t stride_, num_tokens_;
  std::vector<int32_t> rows_;
  std::vector<double> skips_, emissions_;
  std::vector<double> blanks_ = std::vector<double>(kCtcFrames);
  std::vector<uint8_t> bits_;
};

}  // namespace

int64_t ctc_search_bytes(int64_t frames, int64_t tokens, int64_t num_rows, int64_t stride) {
  constexpr int64_t kStateBytes = 2 * sizeof(double);
  int64_t bytes = padded(tokens) * static_cast<int64_t>(kStateBytes + sizeof(double) + sizeof(int32_t)) +
                  (num_rows + 1) * kCtcFrames * static_cast<int64_t>(sizeof(double));
  bytes += frames * static_cast<int64_t>(sizeof(int32_t));
  for (int64_t t = 0; t < frames; t += stride) bytes += reachable(frames, tokens, t).size() * kStateBytes;
  const int64_t stretch = std::min(stride, frames), width = std::min(window(stretch, 2 * tokens).size(), padded(tokens));
  return bytes + width * kStateBytes + stretch * 3 * width / 8;
}

int64_t ctc_stride(int64_t frames, int64_t tokens, int64_t num_rows, int64_t max_bytes) {
  for (int64_t stride = kCtcFirstStride;; stride *= 2) {
    if (ctc_search_bytes(frames, tokens, num_rows, stride) <= max_bytes) return stride;
    if (stride >= frames) return 0;
  }
}

CtcPath ctc_search(const CtcProblem& problem, int64_t stride, const CtcKernels& kernels) { return Search(problem, stride, kernels).run(); }

}  // namespace alloy::detail
