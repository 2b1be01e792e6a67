// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/ctc_align.hpp>

#include "alignment/detail/ctc_search.hpp"

#include <alloy/core/jobs.hpp>
#include <alloy/core/threads.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>

namespace alloy {

namespace {

/// One sample's log-probabilities where they lie.
template <class T>
struct FrameScores {
  const T* data;
  int64_t frames, vocab, frame_stride, token_stride;
  T at(int64_t frame, int64_t token) const { return data[frame * frame_stride + token * token_stride]; }
  /// Of `count` frames from `first` on; most calls have a whole tile, whose loop is unrolled.
  void copy(int64_t first, int64_t count, int64_t token, double* out) const {
    const T* from = data + first * frame_stride + token * token_stride;
    if (count == detail::kCtcFrames)
      for (int64_t f = 0; f < detail::kCtcFrames; ++f) out[f] = from[f * frame_stride];
    else
      for (int64_t f = 0; f < count; ++f) out[f] = from[f * frame_stride];
  }
};

/// What errors of a sample begin with.
std::string where_of(std::optional<int64_t> sample) {
  return sample ? "[ctc_forced_align] sample " + std::to_string(*sample) + ":" : "[ctc_forced_align]";
}

template <class T>
void check_scores(const FrameScores<T>& scores, const std::string& where) {
  constexpr T kMost = std::numeric_limits<T>::max();
  const auto bad = [](T x) { return !(x <= kMost); };  // NaN and +inf
  for (int64_t t = 0; t < scores.frames; ++t) {
    int64_t count = 0;
    for (int64_t v = 0; v < scores.vocab; ++v) count += bad(scores.at(t, v)) ? 1 : 0;
    if (count == 0) continue;
    for (int64_t v = 0; v < scores.vocab; ++v)
      check<DataError>(!bad(scores.at(t, v)), "{} expected log-probabilities below +inf, got {} in frame {} for token {}",
                       {where, scores.at(t, v), t, v});
  }
}

void check_targets(const std::vector<int64_t>& targets, int64_t vocab, int64_t blank, int64_t frames, const std::string& where) {
  for (size_t i = 0; i < targets.size(); ++i) {
    check<DataError>(targets[i] >= 0 && targets[i] < vocab, "{} expected targets within 0..{}, got {} at place {}",
                     {where, vocab - 1, targets[i], i});
    check<DataError>(targets[i] != blank, "{} expected targets without the blank {}, got it at place {}: blanks are put in where they are needed",
                     {where, blank, i});
  }
  const int64_t needed = ctc_frames_needed(targets), repeats = needed - std::ssize(targets);
  check<DataError>(frames >= needed,
                   "{} expected at least {} frames for {} tokens, {} of which equal the one before and need a blank between, got {} frames",
                   {where, needed, targets.size(), repeats, frames});
}

/// Fills spans and labels; the score of the path is the sum in the order of the frames.
template <class T>
CtcAlignment read_path(const FrameScores<T>& scores, const std::vector<int32_t>& states, const std::vector<int64_t>& targets, int64_t blank) {
  CtcAlignment alignment;
  alignment.labels.reserve(states.size());
  alignment.spans.reserve(targets.size());
  int32_t before = -1;
  for (size_t t = 0; t < states.size(); ++t) {
    const int64_t label = states[t] % 2 == 0 ? blank : targets[static_cast<size_t>(states[t] / 2)], frame = static_cast<int64_t>(t);
    const double score = scores.at(frame, label);
    alignment.labels.push_back(label);
    alignment.log_score += score;
    if (states[t] % 2 != 0) {
      if (states[t] != before) alignment.spans.push_back({.token = label, .start = frame, .stop = frame, .score = 0});
      alignment.spans.back().stop = frame + 1;
      alignment.spans.back().score += score;
    }
    before = states[t];
  }
  for (TokenSpan& span : alignment.spans) span.score /= static_cast<double>(span.stop - span.start);
  return alignment;
}

int64_t choose_stride(const detail::CtcProblem& problem, const CtcAlignOptions& options, const std::string& where) {
  constexpr int64_t kMegabyte = 1000000;
  const int64_t tokens = std::ssize(problem.rows),
                stride = detail::ctc_stride(problem.frames, tokens, problem.num_rows, options.max_memory_mb * kMegabyte);
  if (stride != 0) return stride;
  int64_t least = std::numeric_limits<int64_t>::max();
  for (int64_t s = detail::kCtcFirstStride; s < 2 * problem.frames; s *= 2)
    least = std::min(least, detail::ctc_search_bytes(problem.frames, tokens, problem.num_rows, s));
  fail<ConfigError>("{} expected max_memory_mb of {} or more for {} frames and {} tokens, got {}",
                    {where, least / kMegabyte + 1, problem.frames, tokens, options.max_memory_mb});
}

using Tick = std::function<void(int64_t frames)>;

template <class T>
CtcAlignment align(const FrameScores<T>& scores, const std::vector<int64_t>& targets, const CtcAlignOptions& options, const std::string& where,
                   const Tick& tick) {
  check_targets(targets, scores.vocab, options.blank, scores.frames, where);
  check_scores(scores, where);
  if (scores.frames == 0) return {};
  std::vector<int64_t> distinct(targets);
  std::ranges::sort(distinct);
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  detail::CtcProblem problem{.frames = scores.frames, .num_rows = std::ssize(distinct), .rows = {}, .read = {}, .tick = tick};
  for (const int64_t token : targets) problem.rows.push_back(static_cast<int32_t>(std::ranges::lower_bound(distinct, token) - distinct.begin()));
  problem.read = [&](int64_t first, int64_t count, double* emissions, double* blanks) {
    for (size_t row = 0; row < distinct.size(); ++row)
      scores.copy(first, count, distinct[row], emissions + static_cast<int64_t>(row) * detail::kCtcFrames);
    scores.copy(first, count, options.blank, blanks);
  };
  const int64_t stride = choose_stride(problem, options, where);
  const detail::CtcPath path = detail::ctc_search(problem, stride, detail::ctc_kernels());
  check<DataError>(!path.states.empty(), "{} expected a way to say the {} tokens in {} frames, got a probability of 0 for every one",
                   {where, targets.size(), scores.frames});
  return read_path(scores, path.states, targets, options.blank);
}

CtcAlignment align_any(const Tensor& log_probs, const std::vector<int64_t>& targets, const CtcAlignOptions& options, const std::string& where,
                       const Tick& tick) {
  const auto run = [&]<class T>(const T* data) {
    return align(FrameScores<T>{data, log_probs.size(0), log_probs.size(1), log_probs.stride(0), log_probs.stride(1)}, targets, options, where, tick);
  };
  return log_probs.scalar_type() == at::kDouble ? run(log_probs.const_data_ptr<double>()) : run(log_probs.const_data_ptr<float>());
}

/// On the CPU, in float or double.
Tensor readable(const Tensor& log_probs, const CtcAlignOptions& options) {
  check_floating(log_probs, "ctc_forced_align", "log_probs");
  const int64_t vocab = log_probs.size(-1);
  check<ConfigError>(options.blank < vocab, "[ctc_forced_align] expected a blank within the {} tokens, got {}", {vocab, options.blank});
  const bool read_as_it_is = log_probs.scalar_type() == at::kDouble || log_probs.scalar_type() == at::kFloat;
  return log_probs.detach().to(at::kCPU, read_as_it_is ? log_probs.scalar_type() : at::kFloat);
}

/// Frames done, told to the caller a few times a second.
class Teller {
 public:
  Teller(const ProgressCallback& progress, int64_t total) : progress_(progress), total_(total), began_(Clock::now()), told_(began_) {}
  void add(int64_t frames) { done_.fetch_add(frames, std::memory_order_relaxed); }
  void tell() {
    if (progress_)
      progress_({.stage = "ctc_forced_align", .done = done_.load(std::memory_order_relaxed), .total = total_, .seconds = seconds_since(began_)});
  }
  /// On the thread that works, if that is the caller's own.
  void add_and_tell(int64_t frames) {
    add(frames);
    if (seconds_since(told_) < 0.2) return;
    tell();
    told_ = Clock::now();
  }

 private:
  using Clock = std::chrono::steady_clock;
  static double seconds_since(Clock::time_point when) { return std::chrono::duration<double>(Clock::now() - when).count(); }
  const ProgressCallback& progress_;
  std::atomic<int64_t> done_ = 0;
  int64_t total_;
  Clock::time_point began_, told_;
};

}  // namespace

void CtcAlignOptions::validate() const {
  check<ConfigError>(blank >= 0, "[CtcAlignOptions] expected blank >= 0, got {}", {blank});
  check<ConfigError>(max_memory_mb >= 16 && max_memory_mb <= 1000000, "[CtcAlignOptions] expected max_memory_mb within 16..1000000, got {}",
                     {max_memory_mb});
}

int64_t ctc_frames_needed(const std::vector<int64_t>& targets) {
  int64_t needed = std::ssize(targets);
  for (size_t i = 1; i < targets.size(); ++i) needed += targets[i] == targets[i - 1] ? 1 : 0;
  return needed;
}

CtcAlignment ctc_forced_align(const Tensor& log_probs, const std::vector<int64_t>& targets, const CtcAlignOptions& options,
                              const ProgressCallback& progress, const CancelToken& cancel) {
  options.validate();
  check_shape(log_probs, {-1, -1}, "ctc_forced_align", "log_probs [T, V]");
  Teller teller(progress, log_probs.size(0));
  const CtcAlignment alignment = align_any(readable(log_probs, options), targets, options, where_of({}), [&](int64_t frames) {
    cancel.check("ctc_forced_align");
    teller.add_and_tell(frames);
  });
  teller.tell();
  return alignment;
}

std::vector<CtcAlignment> ctc_forced_align(const Tensor& log_probs, const Tensor& lengths, const std::vector<std::vector<int64_t>>& targets,
                                           const CtcAlignOptions& options, const ProgressCallback& progress, const CancelToken& cancel) {
  options.validate();
  check_shape(log_probs, {-1, -1, -1}, "ctc_forced_align", "log_probs [B, T, V]");
  const int64_t batch = log_probs.size(0), frames = log_probs.size(1);
  check<ShapeError>(std::ssize(targets) == batch, "[ctc_forced_align] expected targets for {} samples, got {}", {batch, targets.size()});
  std::vector<int64_t> sizes(static_cast<size_t>(batch), frames);
  if (lengths.defined()) {
    check_shape(lengths, {batch}, "ctc_forced_align", "lengths [B]");
    check<ShapeError>(lengths.scalar_type() == at::kLong && lengths.is_cpu(), "[ctc_forced_align] expected lengths in int64 on the CPU, got {}",
                      {lengths});
    for (int64_t b = 0; b < batch; ++b) {
      sizes[static_cast<size_t>(b)] = lengths[b].item<int64_t>();
      check<DataError>(sizes[static_cast<size_t>(b)] >= 0 && sizes[static_cast<size_t>(b)] <= frames,
                       "[ctc_forced_align] expected lengths within 0..{}, got {} for sample {}", {frames, sizes[static_cast<size_t>(b)], b});
    }
  }
  int64_t total = 0;
  for (const int64_t size : sizes) total += size;
  const Tensor scores = readable(log_probs, options);
  std::vector<Tensor> samples;  // views are made here: jobs run no tensor operations
  for (int64_t b = 0; b < batch; ++b) samples.push_back(scores[b].narrow(0, 0, sizes[static_cast<size_t>(b)]));
  Teller teller(progress, total);
  std::vector<CtcAlignment> alignments(static_cast<size_t>(batch));
  run_jobs(
      batch, std::clamp<int64_t>(batch, 1, threads()),
      [&](int64_t b) {
        const auto i = static_cast<size_t>(b);
        alignments[i] = align_any(samples[i], targets[i], options, where_of(b), [&](int64_t done) {
          cancel.check("ctc_forced_align");
          teller.add(done);
        });
      },
      [&](int64_t) { teller.tell(); });
  return alignments;
}

}  // namespace alloy
