// SPDX-License-Identifier: Apache-2.0
#include "eval/detail/html_axis.hpp"

#include <alloy/eval/html_report.hpp>

#include "core/detail/utf8.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace alloy::detail {

namespace {

using html::AxisScale;

constexpr double kMostValue = 1e300;  // sums and differences stay finite

/// 1, 2 or 5 times a power of ten, at least `step`.
double round_step(double step) {
  const double power = std::pow(10, std::floor(std::log10(step)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= step * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

std::string tick_text(double value, double step) {
  const int decimals = static_cast<int>(std::max(0.0, -std::floor(std::log10(step) + 1e-9)));
  if (std::abs(value) < step * 1e-6) return "0";
  if (decimals > 6 || std::abs(value) >= 1e7) return html::brief(value, 6);
  if (decimals > 0) return html::number(value, decimals);
  const std::string digits = html::grouped(std::llround(std::abs(value)));
  return value < 0 ? "−" + digits : digits;
}

}  // namespace

void Extent::add(double value) {
  if (!std::isfinite(value)) return;
  const double v = std::clamp(value, -kMostValue, kMostValue);
  low = empty ? v : std::min(low, v);
  high = empty ? v : std::max(high, v);
  empty = false;
}

Axis::Axis(const Extent& extent, double begin, double end, const AxisOptions& options) : scale_(options.scale), begin_(begin), end_(end) {
  if (scale_ == AxisScale::logarithmic) set_logarithmic(extent);
  else set_linear(extent, options);
}

void Axis::set_linear(Extent extent, const AxisOptions& options) {
  if (extent.empty) extent = {.low = 0, .high = 1, .empty = false};
  const double size = std::max(std::abs(extent.low), std::abs(extent.high));
  if (extent.high - extent.low <= 1e-12 * size || extent.high == extent.low) {  // one value: room around it
    const double room = std::max({size * 0.1, options.least_step, size == 0 ? 1 : 1e-300});
    extent.low -= room, extent.high += room;
  }
  const double ticks = std::max(2.0, std::floor(std::abs(end_ - begin_) / options.pixels_a_tick));
  const double step = round_step(std::max((extent.high - extent.low) / ticks, options.least_step));
  const bool rounded = options.ends == AxisEnds::rounded;
  const double first = rounded ? std::floor(extent.low / step + 1e-9) : std::ceil(extent.low / step - 1e-9);
  const double last = rounded ? std::ceil(extent.high / step - 1e-9) : std::floor(extent.high / step + 1e-9);
  low_ = rounded ? first * step : extent.low;
  high_ = rounded ? last * step : extent.high;
  for (double i = first; i <= last && ticks_.size() < 50; ++i) ticks_.push_back({.at = at(i * step), .text = tick_text(i * step, step)});
}

void Axis::set_logarithmic(Extent extent) {
  if (extent.empty || extent.low <= 0) extent = {.low = 1, .high = 10, .empty = false};
  const double first = std::floor(std::log10(extent.low) + 1e-9), last = std::max(first + 1, std::ceil(std::log10(extent.high) - 1e-9));
  low_ = first, high_ = last;
  const double stride = std::ceil((last - first) / 8);
  const bool between = last - first <= 2;
  for (double e = first; e <= last; e += stride) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double value = factor * std::pow(10, e);
      if (factor == 1 || (between && e < last)) ticks_.push_back({.at = at(value), .text = html::brief(value, 3)});
    }
  }
}

bool Axis::shows(double value) const { return std::isfinite(value) && (scale_ == AxisScale::linear || value > 0); }

double Axis::position(double value) const {
  const double v = std::clamp(value, -kMostValue, kMostValue);
  return scale_ == AxisScale::linear ? v : std::log10(v);
}

double Axis::at(double value) const { return begin_ + (position(value) - low_) / (high_ - low_) * (end_ - begin_); }

std::vector<double> spread(const std::vector<double>& wanted, double gap, double low, double high) {
  std::vector<size_t> order(wanted.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t i) { return wanted[i]; });
  const auto last = static_cast<double>(wanted.empty() ? 0 : wanted.size() - 1);
  if (low > high) low = high = (low + high) / 2;
  if (last > 0) gap = std::min(gap, (high - low) / last);
  struct Block {
    double sum = 0, count = 0;
    double mean() const { return sum / count; }
  };
  std::vector<Block> blocks;  // less the gaps before it, places must not fall: neighbours that would are pooled (Ayer et al. 1955)
  for (size_t i = 0; i < order.size(); ++i) {
    blocks.push_back({wanted[order[i]] - gap * static_cast<double>(i), 1});
    while (blocks.size() > 1 && blocks[blocks.size() - 2].mean() > blocks.back().mean()) {
      const Block pooled = blocks.back();
      blocks.pop_back();
      blocks.back().sum += pooled.sum, blocks.back().count += pooled.count;
    }
  }
  std::vector<double> places(wanted.size());
  size_t i = 0;
  for (const Block& block : blocks)
    for (double n = 0; n < block.count; ++n, ++i)
      places[order[i]] = std::max(low, std::min(block.mean(), high - gap * last)) + gap * static_cast<double>(i);
  return places;
}

std::string axis_frame(const Axis& x, const Axis& y, double left, double right, double top, double bottom, std::string_view x_name, std::string_view y_name) {
  std::string svg;
  for (const Tick& tick : y.ticks()) {
    svg += html::svg_line(left, tick.at, right, tick.at, "grid") + html::svg_text(left - 6, tick.at + 4, "class=\"small\" text-anchor=\"end\"", tick.text);
  }
  for (const Tick& tick : x.ticks()) {
    svg += html::svg_line(tick.at, bottom, tick.at, bottom + 4, "zero") + html::svg_text(tick.at, bottom + 17, "class=\"small\" text-anchor=\"middle\"", tick.text);
  }
  svg += html::svg_line(left, bottom, right, bottom, "zero");
  svg += html::svg_text(right, bottom + 33, "class=\"small\" text-anchor=\"end\"", x_name);
  return svg + html::svg_text(left, top - 8, "class=\"small\"", y_name);
}

Legend legend(const std::vector<std::string>& names, double left, double right, LegendKey key) {
  constexpr double kRow = 20, kKey = 24, kCharacter = 6.9, kGap = 18;
  constexpr int64_t kMostCharacters = 36;
  if (names.empty() || (names.size() == 1 && names[0].empty())) return {};
  Legend out{.svg = {}, .height = kRow};
  double x = left;
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string name = html::clip(names[i], kMostCharacters);
    const double width = kKey + kCharacter * static_cast<double>(character_count(name));
    if (x > left && x + width > right) x = left, out.height += kRow;
    out.svg += key(i, x, out.height - 6) + html::svg_text(x + kKey, out.height - 2, "", name);
    x += width + kGap;
  }
  return out;
}

}  // namespace alloy::detail
