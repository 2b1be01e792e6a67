// SPDX-License-Identifier: Apache-2.0
/// Two devices record one event, start at different moments, and their clocks run at different speeds. Delay and drift are found
/// from the sound alone, and undone. The event is simulated: words of synthetic voices and knocks, a room and noise (10 dB) for each
/// device, and a clock made by libsoxr's resampling, so that the truth is exact.
///
///     example_15_delay                            one pair, seconds
///     example_15_delay --full --report page.html  twelve pairs: see docs/alignment.md

#include "example_arguments.hpp"

#include <alloy/alignment/delay.hpp>
#include <alloy/core/random.hpp>
#include <alloy/core/threads.hpp>
#include <alloy/data/two_recordings.hpp>
#include <alloy/eval/html_charts.hpp>
#include <alloy/eval/html_report.hpp>

#include <bit>
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

/// The windows of one estimate, each with the delay that it has by itself, and the line through them.
std::string window_chart(const DelayEstimate& found) {
  const auto later = [&](double seconds, double delay) { return html::Point(seconds, 1000 * (delay - found.delay_seconds)); };
  html::LineChart chart{.title = "Delay of each window",
                        .description = "Later than at the start of the first recording, in milliseconds, over the time in the first.",
                        .x_name = "s of the first",
                        .y_name = "ms",
                        .lines = {{"estimate", {later(0, found.delay_seconds), later(60, found.second_time(60) - 60)}}, {"windows", {}}}};
  for (const DelayWindow& window : found.windows)
    chart.lines[1].points.insert(chart.lines[1].points.end(), {later(window.seconds, window.delay_seconds), {window.seconds + 1e-6, NAN}});
  return html::line_chart(chart);
}

int find_delays(const example::Arguments& arguments) {
  const bool full = arguments.has("--full");
  const ThreadScope one_thread(1);
  const SpeechBank bank =
      make_speech_bank({.words = {"seven", "october", "please", "window", "thirty", "music", "alpha", "question", "north", "breakfast"},
                        .voices = {"en-us", "en-gb"},
                        .speeds_wpm = {170}});
  const int64_t rate = bank.options.sample_rate_hz;
  Random random(15);
  double worst[4] = {}, worst_drift[4] = {};  // onsets, plain peak, two peaks, ours
  double lowest_confidence = 1;
  std::string chart;
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

    chart = window_chart(found);
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
  html::Table table{
      .caption = "worst errors", .columns = {{""}, {"samples", html::ColumnKind::number}, {"ppm", html::ColumnKind::number}}, .rows = {}};
  for (int m = 0; m < 4; ++m) {
    std::printf("  %-32s %10.2f %9.2f\n", names[m], worst[m], worst_drift[m]);
    table.rows.push_back({{names[m]}, {html::number(worst[m], 2)}, {html::number(worst_drift[m], 2)}});
  }
  if (arguments.has("--report"))
    write_file(arguments.value("--report"),
               html::page({.title = "Delay and drift",
                           .style = "svg .line.c2 { stroke-width: 6; }",
                           .body = "<h1>Delay and drift of two recordings</h1><p>Simulated: words of synthetic voices, rooms, noise, clocks.</p>" +
                                   html::section("errors", "Worst errors over " + std::to_string(pairs) + " pair(s)", html::table(table)) +
                                   html::section("windows", "The windows of the last pair", chart)}));
  const bool expected =
      worst[3] < 1 && worst_drift[3] < 2 && lowest_confidence > 0.3 && worst[3] < worst[2] && worst[3] < worst[1] && worst[3] < worst[0];
  std::printf("%s\n", expected ? "within one sample and 2 ppm, as expected" : "NOT what was expected");
  return expected ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  return example::run(argc, argv, "Delay and drift between two simulated recordings: without --full one pair, seconds.",
                      {example::full_flag("twelve pairs"), example::report_flag()}, find_delays);
}
