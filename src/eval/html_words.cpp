// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/html_words.hpp>

#include <alloy/eval/html_report.hpp>
#include <alloy/eval/html_svg.hpp>
#include <alloy/preprocess/log_mel.hpp>

#include <torch/types.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace alloy::html {

namespace {

constexpr double kWidth = 960, kLeft = 168, kRight = 12, kLaneHeight = 24, kLaneGap = 5, kTop = 8, kPicture = 190, kAxis = 44;

Image spectrogram_of(const Audio& audio) {
  const int64_t window = std::max<int64_t>(2, audio.sample_rate_hz / 40);  // 25 ms
  const LogMel log_mel({.sample_rate_hz = audio.sample_rate_hz,
                        .window_size = window,
                        .fft_size = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(window))),
                        .hop_size = std::max<int64_t>(1, audio.sample_rate_hz / 100),
                        .mel_bins = 64,
                        .log = LogKind::db,
                        .top_db = 70});
  const Tensor mel = log_mel(torch::tensor(audio.samples)).contiguous();
  return spectrogram_picture(mel.size(0), mel.size(1), {mel.const_data_ptr<float>(), static_cast<size_t>(mel.numel())});
}

/// From seconds to pixels; what lies outside is moved to the edge.
struct TimeAxis {
  double seconds;
  double at(double time) const { return kLeft + std::clamp(time, 0.0, seconds) / seconds * (kWidth - kLeft - kRight); }
};

std::string lane_markup(const WordLane& lane, size_t place, const TimeAxis& axis) {
  const double top = kTop + static_cast<double>(place) * (kLaneHeight + kLaneGap);
  std::string out = svg_text(kLeft - 8, top + kLaneHeight * 0.68, "class=\"small\" text-anchor=\"end\"", clip(lane.name, 27));
  for (const WordSpan& word : lane.words) {
    const double left = axis.at(word.time.start), right = axis.at(word.time.stop);
    if (word.time.start >= axis.seconds || right <= left) continue;
    out += svg_rect(left + 0.5, top, std::max(1.0, right - left - 1), kLaneHeight, place == 0 ? "c0 word" : series_class(place - 1) + " word");
    const auto room = static_cast<int64_t>((right - left) / 6.5);
    if (room > 0)
      out += svg_text((left + right) / 2, top + kLaneHeight * 0.68, "class=\"small word-name\" text-anchor=\"middle\"", clip(word.text, room));
  }
  return out;
}

std::string axis_markup(const TimeAxis& axis, double bottom, double fps) {
  std::string out;
  const double step = axis.seconds > 12 ? 2 : axis.seconds > 3 ? 0.5 : 0.1;
  for (int64_t i = 0; static_cast<double>(i) * step <= axis.seconds + 1e-9; ++i) {
    const double time = static_cast<double>(i) * step;
    out += svg_line(axis.at(time), bottom, axis.at(time), bottom + 7, "zero");
    out += svg_text(axis.at(time), bottom + 21, "class=\"small\" text-anchor=\"middle\"", number(time, 1) + (i == 0 ? " s" : ""));
  }
  if (fps <= 0) return out;
  const auto frames = static_cast<int64_t>(std::ceil(axis.seconds * fps));
  const int64_t every = std::max<int64_t>(1, frames / 200), named = std::max<int64_t>(5, 5 * ((frames / 20 + 4) / 5));
  for (int64_t i = 0; i < frames; i += every) {
    const double x = axis.at(static_cast<double>(i) / fps);
    out += svg_line(x, bottom + 27, x, bottom + (i % named == 0 ? 33 : 30), "zero");
    if (i % named == 0) out += svg_text(x, bottom + 43, "class=\"small\" text-anchor=\"middle\"", std::to_string(i));
  }
  return out + svg_text(kLeft - 16, bottom + 43, "class=\"small\" text-anchor=\"end\"", "video frame");
}

}  // namespace

std::string word_chart(const WordChart& chart) {
  check<ShapeError>(chart.audio.channels == 1 && !chart.audio.samples.empty() && chart.audio.sample_rate_hz > 0,
                    "[word_chart] expected samples of one channel, got {} of {}", {chart.audio.frames(), chart.audio.channels});
  Audio audio = chart.audio;
  const auto most = static_cast<size_t>(kMostWordChartSeconds * static_cast<double>(audio.sample_rate_hz));
  if (audio.samples.size() > most) audio.samples.resize(most);
  const TimeAxis axis{.seconds = static_cast<double>(audio.frames()) / static_cast<double>(audio.sample_rate_hz)};
  const double lanes = static_cast<double>(chart.lanes.size()) * (kLaneHeight + kLaneGap), top = kTop + lanes, bottom = top + kPicture;
  std::string out =
      "<style>svg .word { opacity: .45; } svg text.word-name { fill: var(--ink); } svg .edge { stroke: #fff; stroke-width: 1.6; } "
      "svg .edge.found { stroke: #4ef; stroke-dasharray: 4 3; }</style>\n";
  out += svg_open(kWidth, bottom + kAxis + (chart.fps > 0 ? 4 : -20), chart.title, chart.description);
  out += fill("<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" href=\"{}\"/>\n",
              {px(kLeft), px(top), px(kWidth - kLeft - kRight), px(kPicture), picture_uri(spectrogram_of(audio))});
  for (size_t lane = 0; lane < chart.lanes.size(); ++lane) {
    out += lane_markup(chart.lanes[lane], lane, axis);
    if (lane > 1) continue;
    for (const WordSpan& word : chart.lanes[lane].words)
      for (const double time : {word.time.start, word.time.stop})
        out += svg_line(axis.at(time), top, axis.at(time), bottom, lane == 0 ? "edge" : "edge found");
  }
  return out + axis_markup(axis, bottom, chart.fps) + "</svg>\n";
}

std::string word_table(const WordChart& chart) {
  Table out{.caption = chart.title, .columns = {{"word", ColumnKind::row_name}}, .rows = {}};
  for (const WordLane& lane : chart.lanes) {
    check<ShapeError>(lane.words.size() == chart.lanes.front().words.size(), "[word_table] expected {} words in '{}', got {}",
                      {chart.lanes.front().words.size(), lane.name, lane.words.size()});
    out.columns.push_back({escape(lane.name) + ", s", ColumnKind::number});
  }
  for (size_t i = 0; !chart.lanes.empty() && i < chart.lanes.front().words.size(); ++i) {
    std::vector<Cell> row = {{escape(chart.lanes.front().words[i].text)}};
    for (const WordLane& lane : chart.lanes) row.push_back({number(lane.words[i].time.start, 2) + " to " + number(lane.words[i].time.stop, 2)});
    out.rows.push_back(std::move(row));
  }
  return table(out);
}

}  // namespace alloy::html
