// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/word_spans.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <ranges>

namespace alloy {

namespace {

constexpr double kSame = 1e-6;  // seconds

void check_spans(const std::vector<TimeSpan>& spans) {
  for (size_t i = 0; i < spans.size(); ++i)
    check<DataError>(std::isfinite(spans[i].start) && std::isfinite(spans[i].stop) && spans[i].start <= spans[i].stop,
                     "[spans_to_frames] expected finite spans that start before they stop, got [{}, {}) at place {}",
                     {spans[i].start, spans[i].stop, i});
}

/// @param time  of frame 0..num_frames - 1 @param clip_end  when the last frame is over
template <class Time>
FrameRange frames_of(const TimeSpan& span, int64_t num_frames, const Time& time, double clip_end) {
  const auto first_from = [&](double seconds) {
    const auto all = std::views::iota(int64_t{0}, num_frames);
    return *std::ranges::partition_point(all, [&](int64_t i) { return time(i) < seconds - kSame; });
  };
  const int64_t begin = first_from(span.start), end = first_from(span.stop);
  if (begin < end) return {begin, end};
  const bool outside = num_frames == 0 || span.stop <= time(0) + kSame || span.start >= clip_end - kSame;
  if (outside || span.start == span.stop) return {begin, begin};
  const double middle = (span.start + span.stop) / 2;
  const bool earlier = begin == num_frames || (begin > 0 && middle - time(begin - 1) <= time(begin) - middle);
  const int64_t nearest = earlier ? begin - 1 : begin;
  return {nearest, nearest + 1};
}

}  // namespace

std::vector<FrameRange> spans_to_frames(const std::vector<TimeSpan>& spans, const Tensor& times) {
  check_shape(times, {-1}, "spans_to_frames", "times [N]");
  check<ShapeError>(times.is_cpu(), "[spans_to_frames] expected times on the CPU, got {}", {times});
  check_spans(spans);
  const Tensor seconds = times.to(at::kDouble).contiguous();
  const double* t = seconds.const_data_ptr<double>();
  const int64_t n = seconds.size(0);
  for (int64_t i = 0; i < n; ++i)
    check<DataError>(std::isfinite(t[i]) && (i == 0 || t[i] > t[i - 1]),
                     "[spans_to_frames] expected finite, strictly ascending times, got {} for frame {}", {t[i], i});
  const double clip_end = n > 1 ? t[n - 1] + (t[n - 1] - t[n - 2]) : std::numeric_limits<double>::infinity();
  std::vector<FrameRange> ranges;
  for (const TimeSpan& span : spans) ranges.push_back(frames_of(span, n, [&](int64_t i) { return t[i]; }, clip_end));
  return ranges;
}

std::vector<FrameRange> spans_to_frames(const std::vector<TimeSpan>& spans, const FrameClock& clock) {
  check<ConfigError>(clock.fps > 0 && std::isfinite(clock.fps) && clock.num_frames >= 0 && std::isfinite(clock.first_seconds),
                     "[spans_to_frames] expected fps > 0, num_frames >= 0 and finite first_seconds, got {}, {} and {}",
                     {clock.fps, clock.num_frames, clock.first_seconds});
  check_spans(spans);
  const auto time = [&](int64_t i) { return clock.first_seconds + static_cast<double>(i) / clock.fps; };
  std::vector<FrameRange> ranges;
  for (const TimeSpan& span : spans) ranges.push_back(frames_of(span, clock.num_frames, time, time(clock.num_frames)));
  return ranges;
}

}  // namespace alloy
