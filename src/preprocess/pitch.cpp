// SPDX-License-Identifier: Apache-2.0
#include <alloy/preprocess/pitch.hpp>

#include <ATen/Functions.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace alloy {

namespace {

/// Moving average over 0.4 / max_hz, 1 ms at 400 Hz as in the paper's trials: what lies between the samples at high frequencies makes
/// a period that is no whole number of samples look like none.
/// @return of each sample the mean of `width` samples around it, zeros beyond the ends
std::vector<float> smoothed(const std::vector<float>& x, int64_t width) {
  const int64_t n = std::ssize(x), before = width / 2;
  std::vector<float> out(x.size());
  double sum = 0;
  for (int64_t i = -width; i < n; ++i) {  // the window ends with sample i + width - before - 1
    const int64_t in = i + width - before - 1, gone = in - width;
    if (in >= 0 && in < n) sum += static_cast<double>(x[static_cast<size_t>(in)]);
    if (gone >= 0) sum -= static_cast<double>(x[static_cast<size_t>(gone)]);
    if (i >= 0) out[static_cast<size_t>(i)] = static_cast<float>(sum / static_cast<double>(width));
  }
  return out;
}

/// Sum of squared differences; eight partial sums, so that compilers make vector code of it.
double squared_difference(const float* x, const float* y, int64_t n) {
  std::array<float, 8> sums{};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int64_t k = 0; k < 8; ++k) {
      const float d = x[i + k] - y[i + k];
      sums[static_cast<size_t>(k)] += d * d;
    }
  float sum = 0;
  for (; i < n; ++i) sum += (x[i] - y[i]) * (x[i] - y[i]);
  for (const float s : sums) sum += s;
  return static_cast<double>(sum);
}

/// YIN's steps 2 to 5 of one frame of `window` samples that are followed by as many as the longest lag.
/// @return the period in samples, 0 = none
double period_of(const float* x, int64_t window, int64_t least, int64_t most, double threshold, std::vector<double>& normalised) {
  double sum = 0;
  normalised.assign(static_cast<size_t>(most + 2), 1);
  for (int64_t lag = 1; lag <= most + 1; ++lag) {
    const double difference = squared_difference(x, x + lag, window);
    sum += difference;
    normalised[static_cast<size_t>(lag)] = sum > 0 ? difference * static_cast<double>(lag) / sum : 1;
  }
  const auto at = [&](int64_t lag) { return normalised[static_cast<size_t>(lag)]; };
  int64_t lag = least;
  while (lag <= most && at(lag) > threshold) ++lag;
  if (lag > most) return 0;
  while (lag < most && at(lag + 1) < at(lag)) ++lag;
  // The minimum of the parabola through three points.
  const double before = at(lag - 1), here = at(lag), after = at(lag + 1), bend = before - 2 * here + after;
  return static_cast<double>(lag) + (bend > 0 ? std::clamp(0.5 * (before - after) / bend, -0.5, 0.5) : 0);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

void PitchOptions::validate() const {
  check<ConfigError>(sample_rate_hz >= 1000 && sample_rate_hz <= 192000, "[pitch_track] expected sample_rate_hz in 1000..192000, got {}",
                     {sample_rate_hz});
  check<ConfigError>(hop_size > 0, "[pitch_track] expected hop_size > 0, got {}", {hop_size});
  check<ConfigError>(
      min_hz > 0 && max_hz > min_hz && 4 * max_hz <= static_cast<double>(sample_rate_hz) && min_hz * 1e4 >= static_cast<double>(sample_rate_hz),
      "[pitch_track] expected 0 < min_hz < max_hz, at most a quarter of {} Hz, got {} and {}", {sample_rate_hz, min_hz, max_hz});
  check<ConfigError>(threshold > 0 && threshold < 1, "[pitch_track] expected threshold in 0..1, got {}", {threshold});
  check<ConfigError>(silence_db > 0 && silence_db <= 200, "[pitch_track] expected silence_db in 0..200, got {}", {silence_db});
}

PitchTrack pitch_track(const Tensor& waveform, const PitchOptions& options) {
  options.validate();
  check_shape(waveform, {-1}, "pitch_track", "a waveform");
  check_floating(waveform, "pitch_track", "a waveform");
  check<ShapeError>(waveform.size(0) > 0 && waveform.device().is_cpu(), "[pitch_track] expected samples on the CPU, got {}", {waveform});
  check<DataError>(waveform.isfinite().all().item<bool>(), "[pitch_track] expected finite samples, got some that are not", {});
  const double rate = static_cast<double>(options.sample_rate_hz);
  const auto most = static_cast<int64_t>(rate / options.min_hz), least = std::max<int64_t>(2, static_cast<int64_t>(rate / options.max_hz)),
             window = most;
  const int64_t samples = waveform.size(0), frames = 1 + samples / options.hop_size, before = (window + most) / 2;
  std::vector<float> x(static_cast<size_t>(before + samples + window + most + 2), 0);
  const Tensor given = waveform.detach().to(at::kFloat).contiguous();
  std::copy_n(given.const_data_ptr<float>(), samples, x.begin() + before);

  PitchTrack track{.hz = at::zeros({frames}), .level_db = at::zeros({frames}), .frames_per_second = rate / static_cast<double>(options.hop_size)};
  auto *hz = track.hz.mutable_data_ptr<float>(), *level = track.level_db.mutable_data_ptr<float>();
  std::vector<double> powers;
  for (int64_t t = 0; t < frames; ++t) {
    const float* frame = x.data() + t * options.hop_size;
    double power = 0;
    for (int64_t i = 0; i < window + most; ++i) power += static_cast<double>(frame[i]) * static_cast<double>(frame[i]);
    powers.push_back(power);
  }
  const double loudest = *std::ranges::max_element(powers);
  const std::vector<float> low = smoothed(x, std::max<int64_t>(1, std::lround(0.4 * rate / options.max_hz)));
  std::vector<double> normalised;
  for (int64_t t = 0; t < frames; ++t) {
    const double power = powers[static_cast<size_t>(t)], db = power > 0 ? 10 * std::log10(power / loudest) : -options.silence_db;
    level[t] = static_cast<float>(std::max(db, -options.silence_db));
    if (db <= -options.silence_db) continue;
    const double period = period_of(low.data() + t * options.hop_size, window, least, most, options.threshold, normalised);
    if (period > 0) hz[t] = static_cast<float>(rate / period);
  }
  return track;
}

Tensor melody_series(const PitchTrack& track) {
  check_shape(track.hz, {-1}, "melody_series", "pitches");
  const int64_t frames = track.hz.size(0);
  const Tensor voiced = track.hz > 0, logs = track.hz.clamp_min(1e-3).log2(), heard = logs.masked_select(voiced);
  constexpr double kTonesPerOctave = 6;  // of order 1, as networks like it
  const Tensor melody = heard.numel() > 0 ? at::where(voiced, kTonesPerOctave * (logs - heard.median()), 0) : at::zeros({frames});
  const Tensor place = frames > 1 ? at::linspace(-1, 1, frames) : at::zeros({1});
  return at::stack({melody.to(at::kFloat), voiced.to(at::kFloat), track.level_db / 20, place}, 1);
}

PitchAndRate mean_pitch_and_rate(const PitchTrack& track) {
  const int64_t frames = track.hz.size(0);
  const Tensor hz = track.hz.contiguous(), level = track.level_db.contiguous();
  const auto voiced = [&](int64_t t) { return hz.const_data_ptr<float>()[t] > 0; };
  int64_t first = 0, last = frames - 1;
  while (first < frames && !voiced(first)) ++first;
  while (last > first && !voiced(last)) --last;
  if (first >= frames) return {};
  PitchAndRate out{.mean_hz = track.hz.masked_select(track.hz > 0).mean().item<double>()};
  std::vector<double> smooth(static_cast<size_t>(frames));
  for (int64_t t = 0; t < frames; ++t) {
    const int64_t from = std::max<int64_t>(0, t - 1), to = std::min(frames - 1, t + 1);
    smooth[static_cast<size_t>(t)] = median({level.const_data_ptr<float>() + from, level.const_data_ptr<float>() + to + 1});
  }
  // A peak counts once the level has fallen 2 dB from it, the next one once it has risen 2 dB again.
  int64_t peaks = 0;
  double low = smooth[static_cast<size_t>(first)] - 2, high = low;
  bool rising = true, heard = false;
  for (int64_t t = first; t <= last + 1; ++t) {
    const double now = t <= last ? smooth[static_cast<size_t>(t)] : -1e9;
    if (rising) {
      heard = heard || (now >= high && t <= last && voiced(t));
      high = std::max(high, now);
      if (now < high - 2) peaks += heard && high >= low + 2 ? 1 : 0, rising = false, low = now, heard = false;
    } else {
      low = std::min(low, now);
      if (now > low + 2) rising = true, high = now, heard = t <= last && voiced(t);
    }
  }
  out.syllables_per_second = static_cast<double>(peaks) * track.frames_per_second / static_cast<double>(last - first + 1);
  return out;
}

}  // namespace alloy
