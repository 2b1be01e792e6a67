// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/stream_core.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace alloy::detail {

namespace {

constexpr double kNone = -std::numeric_limits<double>::infinity();
constexpr double kSame = 1e-9;  // seconds by which rounding may put a stamp beside its step

bool all_finite(const float* values, int64_t count) {
  return std::all_of(values, values + count, [](float x) { return std::isfinite(x); });
}

}  // namespace

StreamCore::Stream::Stream(const StreamModality& of, double step_seconds)
    : modality(of), ring(of.capacity, of.dim), sums(static_cast<size_t>(of.dim)), newest(kNone) {
  const bool mean = of.method == StreamMethod::window_mean;
  reach_before = (mean ? step_seconds / 2 : of.max_gap_seconds) + kSame;
  reach_after = mean ? step_seconds / 2 : of.method == StreamMethod::previous ? kSame : of.max_gap_seconds + kSame;
}

StreamCore::StreamCore(StreamAlignerOptions options) : options_(std::move(options)) {
  options_.validate();
  for (const StreamModality& modality : options_.modalities) streams_.emplace_back(modality, options_.step_seconds);
  restart(options_.start_seconds);
}

size_t StreamCore::find(std::string_view modality) const {
  for (size_t m = 0; m < streams_.size(); ++m)
    if (streams_[m].modality.name == modality) return m;
  std::vector<std::string> known;
  for (const Stream& stream : streams_) known.push_back(stream.modality.name);
  fail<ConfigError>("[StreamAligner] expected a modality among {}, got '{}'", {known, modality});
}

void StreamCore::restart(double start_seconds) {
  check<ConfigError>(std::isfinite(start_seconds), "[StreamAligner] expected a finite start, got {}", {start_seconds});
  options_.start_seconds = start_seconds;
  for (Stream& stream : streams_) {
    const std::lock_guard lock(stream.mutex);
    stream.ring.clear();
    stream.counts = {};
    stream.read_from = start_seconds - stream.reach_before;
    stream.newest = kNone;
  }
  first_step_ = 0;
  finished_ = false;
}

double StreamCore::furthest() const {
  double most = kNone;
  for (const Stream& stream : streams_) most = std::max(most, stream.newest.load());
  return most;
}

void StreamCore::push(size_t modality, std::span<const double> times, std::span<const float> values) {
  Stream& stream = streams_[modality];
  const auto dim = static_cast<size_t>(stream.modality.dim);
  check<ShapeError>(times.size() * dim == values.size(), "[StreamAligner] expected {} values of '{}' for {} stamps, got {}",
                    {times.size() * dim, stream.modality.name, times.size(), values.size()});
  check<DataError>(!finished_, "[StreamAligner] expected no more samples after finish, got {} of '{}'", {times.size(), stream.modality.name});
  double furthest_of_all = std::max(furthest(), options_.start_seconds);
  const std::lock_guard lock(stream.mutex);
  for (size_t i = 0; i < times.size(); ++i) accept(stream, times[i], values.data() + i * dim, furthest_of_all);
}

void StreamCore::accept(Stream& stream, double time, const float* values, double& furthest) {
  StreamCounts& counts = stream.counts;
  const double newest = stream.newest.load(std::memory_order_relaxed);
  ++counts.received;
  if (!std::isfinite(time) || !all_finite(values, stream.modality.dim)) return void(++counts.not_finite);
  if (time > furthest + options_.max_jump_seconds) return void(++counts.ahead);
  if (time < newest - options_.reorder_seconds) return void(++counts.backwards);
  if (time < stream.read_from) return void(++counts.late);
  StreamRing::Inserted inserted = stream.ring.insert(time, values);
  if (inserted == StreamRing::Inserted::full) {
    ++counts.overflow;
    const bool make_room = options_.overflow == StreamOverflow::drop_oldest && stream.ring.time(0) < time;
    if (make_room) {
      stream.ring.drop_oldest();
      inserted = stream.ring.insert(time, values);
    }
  }
  counts.duplicate += inserted == StreamRing::Inserted::duplicate ? 1 : 0;
  counts.reordered += inserted == StreamRing::Inserted::between ? 1 : 0;
  // Of samples without room too, or a reader that waits for them would never make any. After they are in the buffer: whoever sees this
  // time sees them.
  if (time > newest) stream.newest = time;
  furthest = std::max(furthest, time);
}

std::optional<StreamRelease> StreamCore::due() const {
  const double last = time_of(first_step_ + options_.window_steps - 1), most = furthest();
  const auto past = [&](const Stream& stream) { return stream.newest.load() - options_.reorder_seconds > last + stream.reach_after; };
  if (std::ranges::all_of(streams_, past)) return StreamRelease::complete;
  if (most >= last + options_.max_delay_seconds) return StreamRelease::delay;
  const bool rest = first_step_ == 0 ? most > kNone : most > time_of(first_step_ - options_.hop_steps + options_.window_steps - 1);
  return finished_ && rest ? std::optional(StreamRelease::finished) : std::nullopt;
}

std::optional<StreamCore::Popped> StreamCore::pop(double* times, std::span<const StreamSteps> steps) {
  const auto release = due();
  if (!release) return std::nullopt;
  const Popped popped{.first_step = first_step_, .release = *release};
  for (int64_t i = 0; i < options_.window_steps; ++i) times[i] = time_of(first_step_ + i);
  first_step_ += options_.hop_steps;
  for (size_t m = 0; m < streams_.size(); ++m) {
    Stream& stream = streams_[m];
    const std::lock_guard lock(stream.mutex);
    write_steps(stream, popped.first_step, steps[m]);
    stream.read_from = time_of(first_step_) - stream.reach_before;
    stream.ring.drop_before(stream.read_from);
  }
  return popped;
}

void StreamCore::write_steps(Stream& stream, int64_t first_step, const StreamSteps& out) const {
  const int64_t dim = stream.modality.dim;
  int64_t next = 0;  // the first sample that is not before the step
  *out.present = false;
  for (int64_t i = 0; i < options_.window_steps; ++i) {
    float* values = out.values + i * dim;
    const int64_t step = first_step + i;
    out.mask[i] =
        stream.modality.method == StreamMethod::window_mean ? write_mean(stream, step, next, values) : write_step(stream, step, next, values);
    if (!out.mask[i]) std::fill_n(values, dim, 0.0F);
    *out.present = *out.present || out.mask[i];
  }
}

bool StreamCore::write_step(const Stream& stream, int64_t step, int64_t& next, float* out) const {
  const StreamRing& ring = stream.ring;
  const double tick = time_of(step), gap = stream.modality.max_gap_seconds + kSame;
  while (next < ring.size() && ring.time(next) < tick - kSame) ++next;
  const double after = next < ring.size() ? ring.time(next) - tick : -kNone, before = next > 0 ? tick - ring.time(next - 1) : -kNone;
  const auto copy = [&](int64_t sample) { return std::copy_n(ring.values(sample), stream.modality.dim, out), true; };
  if (after <= kSame) return copy(next);
  switch (stream.modality.method) {
    case StreamMethod::nearest:
      return std::min(before, after) <= gap && copy(before <= after ? next - 1 : next);
    case StreamMethod::previous:
      return before <= gap && copy(next - 1);
    case StreamMethod::linear:
      break;
    case StreamMethod::window_mean:
      return false;  // write_mean
  }
  if (!(before + after <= gap)) return false;
  const float *a = ring.values(next - 1), *b = ring.values(next);
  const double share = before / (before + after);
  for (int64_t d = 0; d < stream.modality.dim; ++d) out[d] = static_cast<float>(a[d] + share * (static_cast<double>(b[d]) - a[d]));
  return true;
}

bool StreamCore::write_mean(Stream& stream, int64_t step, int64_t& next, float* out) const {
  // The end of a step is computed as the beginning of the next one is, so that no sample is counted twice or never.
  const auto edge = [&](int64_t of) { return options_.start_seconds + (static_cast<double>(of) - 0.5) * options_.step_seconds; };
  const StreamRing& ring = stream.ring;
  const auto dim = static_cast<size_t>(stream.modality.dim);
  while (next < ring.size() && ring.time(next) < edge(step)) ++next;
  std::ranges::fill(stream.sums, 0.0);
  int64_t count = 0;
  for (const double end = edge(step + 1); next < ring.size() && ring.time(next) < end; ++next, ++count)
    for (size_t d = 0; d < dim; ++d) stream.sums[d] += ring.values(next)[d];
  for (size_t d = 0; d < dim && count > 0; ++d) out[d] = static_cast<float>(stream.sums[d] / static_cast<double>(count));
  return count > 0;
}

StreamCounts StreamCore::counts(size_t modality) const {
  const Stream& stream = streams_[modality];
  const std::lock_guard lock(stream.mutex);
  StreamCounts counts = stream.counts;
  counts.held = stream.ring.size();
  return counts;
}

}  // namespace alloy::detail
