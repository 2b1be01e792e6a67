// SPDX-License-Identifier: Apache-2.0
/// Two devices record one event, start at different moments, and their clocks run at different speeds. Delay and drift are found
/// from the sound alone, and undone. The event is simulated: words of synthetic voices and knocks, a room and noise (10 dB) for each
/// device, and a clock made by libsoxr's resampling, so that the truth is exact. `--full`: twelve pairs instead of one.

#include <alloy/alignment/delay.hpp>
#include <alloy/core/random.hpp>
#include <alloy/core/threads.hpp>
#include <alloy/data/two_recordings.hpp>

#include <bit>
#include <cstdio>
#include <string_view>
#include <torch/fft.h>

using namespace alloy;

namespace {

struct Line {
  double delay_seconds = 0, drift_ppm = 0;
  double at(double t) const { return delay_seconds + (1 + drift_ppm * 1e-6) * t; }
};

/// Baseline: the highest peak of the plain cross-correlation, in seconds.
double plain_peak(const Tensor& first, const Tensor& second, double rate) {
  const int64_t size = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(first.size(0) + second.size(0))));
  const Tensor curve = torch::fft::irfft(torch::fft::rfft(first - first.mean(), size).conj() * torch::fft::rfft(second - second.mean(), size), size);
  const int64_t lag = curve.argmax().item<int64_t>();
  return static_cast<double>(lag < second.size(0) ? lag : lag - size) / rate;
}

/// Baseline: the same of 12 s at the start and 12 s at the end, the clock from the difference.
Line two_peaks(const Tensor& first, const Tensor& second, double rate) {
  const auto part = static_cast<int64_t>(12 * rate), last = first.size(0) - part;
  const double early = plain_peak(first.narrow(0, 0, part), second, rate),
               late = plain_peak(first.narrow(0, last, part), second, rate) - static_cast<double>(last) / rate;
  const double slope = (late - early) / (static_cast<double>(last) / rate);
  return {early - slope * 6, slope * 1e6};  // a part's delay is that of its middle
}

/// Baseline: where the power rises, in steps of 10 ms.
Tensor onsets(const Tensor& sound, int64_t hop) {
  const int64_t frames = sound.size(0) / hop;
  return sound.narrow(0, 0, frames * hop).view({frames, hop}).square().mean(1).add(1e-6).log().diff().clamp_min(0);
}

}  // namespace

int main(int argc, char** argv) {
  const bool full = argc > 1 && std::string_view(argv[1]) == "--full";
  const ThreadScope one_thread(1);
  const SpeechBank bank =
      make_speech_bank({.words = {"seven", "october", "please", "window", "thirty", "music", "alpha", "question", "north", "breakfast"},
                        .voices = {"en-us", "en-gb"},
                        .speeds_wpm = {170}});
  const int64_t rate = bank.options.sample_rate_hz;
  Random random(15);
  double worst[4] = {}, worst_drift[4] = {};  // onsets, plain peak, two peaks, ours
  double lowest_confidence = 1;
  const int pairs = full ? 12 : 1;
  std::printf("%-28s %-24s %-24s\n", "truth", "found", "error: samples, ppm");
  for (int i = 0; i < pairs; ++i) {
    const TwoRecordings two =
        record_twice(spoken_event(bank, 72, i), rate, {.delay_seconds = random.uniform(-8, 8), .drift_ppm = random.uniform(-150, 150), .seed = i});
    const Line truth{two.delay_seconds, two.drift_ppm};

    // [find the delay]
    const DelayEstimate found = estimate_delay(two.first, two.second, {.sample_rate_hz = 16000});
    const UndoneDelay undone = undo_delay(two.second, found, 16000, two.first.size(0));  // the second as the first clock would have it
    // [find the delay]

    const Line lines[4] = {{plain_peak(onsets(two.first, rate / 100), onsets(two.second, rate / 100), 100), 0},
                           {plain_peak(two.first, two.second, static_cast<double>(rate)), 0},
                           two_peaks(two.first, two.second, static_cast<double>(rate)),
                           {found.delay_seconds, found.drift_ppm}};
    double off[4];
    for (int m = 0; m < 4; ++m) {
      off[m] = std::max(std::abs(lines[m].at(0) - truth.at(0)), std::abs(lines[m].at(60) - truth.at(60))) * static_cast<double>(rate);
      worst[m] = std::max(worst[m], off[m]);
      worst_drift[m] = std::max(worst_drift[m], std::abs(lines[m].drift_ppm - truth.drift_ppm));
    }
    lowest_confidence = std::min(lowest_confidence, found.confidence);
    std::printf("%9.6f s %8.3f ppm    %9.6f s %8.3f ppm   %6.3f %6.3f   confidence %.2f, %.0f %% shared\n", two.delay_seconds, two.drift_ppm,
                found.delay_seconds, found.drift_ppm, off[3], std::abs(found.drift_ppm - two.drift_ppm), found.confidence,
                100 * undone.mask.to(torch::kFloat).mean().item<double>());
  }
  const char* names[4] = {"onset energy, no drift", "correlation peak, no drift", "two peaks, first and last 12 s", "estimate_delay"};
  std::printf("\nworst over %d pair(s) of 60 s at %lld Hz, 10 dB: samples at the start or end, ppm of drift\n", pairs, static_cast<long long>(rate));
  for (int m = 0; m < 4; ++m) std::printf("  %-32s %10.2f %9.2f\n", names[m], worst[m], worst_drift[m]);
  const bool expected =
      worst[3] < 1 && worst_drift[3] < 2 && lowest_confidence > 0.3 && worst[3] < worst[2] && worst[3] < worst[1] && worst[3] < worst[0];
  std::printf("%s\n", expected ? "within one sample and 2 ppm, as expected" : "NOT what was expected");
  return expected ? 0 : 1;
}
