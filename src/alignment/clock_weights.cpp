// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/clock_weights.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace alloy::detail {

namespace {

/// Measurements by ascending time; those of one stamp are a group.
struct Groups {
  std::vector<double> stamps;
  std::vector<size_t> begins;  // [groups + 1] in `order`
  std::vector<int64_t> order;  // sources

  Groups(std::span<const double> times, std::span<const int64_t> sources) {
    std::vector<size_t> places(times.size());
    std::iota(places.begin(), places.end(), size_t{0});
    if (!std::ranges::is_sorted(times)) std::ranges::stable_sort(places, {}, [&](size_t i) { return times[i]; });
    for (const size_t i : places) {
      if (stamps.empty() || times[i] != stamps.back()) {
        stamps.push_back(times[i]);
        begins.push_back(order.size());
      }
      order.push_back(sources[i]);
    }
    begins.push_back(order.size());
  }

  /// The mean of a group, times a weight.
  void add(ClockWeights& rows, size_t group, double weight) const {
    const double each = weight / static_cast<double>(begins[group + 1] - begins[group]);
    for (size_t k = begins[group]; k < begins[group + 1]; ++k) {
      rows.sources.push_back(order[k]);
      rows.weights.push_back(each);
    }
  }
};

double rounding_at(double time) { return std::max(1e-9, 4 * (std::nextafter(std::abs(time), HUGE_VAL) - std::abs(time))); }

void add_window_means(ClockWeights& rows, const Groups& groups, std::span<const double> clock, double width) {
  size_t low = 0;  // the first group at or after the window's start; starts ascend
  for (size_t s = 0; s < clock.size(); ++s) {
    double before = width / 2, after = width / 2;
    if (width == 0) {
      after = s + 1 < clock.size() ? (clock[s + 1] - clock[s]) / 2 : (clock[s] - clock[s - 1]) / 2;
      before = s > 0 ? (clock[s] - clock[s - 1]) / 2 : after;
    }
    // A stamp that rounding puts just before a window's start belongs to it, and so not to the window that ends there.
    const double start = clock[s] - before - rounding_at(clock[s]), stop = clock[s] + after - rounding_at(clock[s]);
    while (low < groups.stamps.size() && groups.stamps[low] < start) ++low;
    size_t high = low;
    while (high < groups.stamps.size() && groups.stamps[high] < stop) ++high;
    const size_t from = groups.begins[low], to = groups.begins[high];
    for (size_t k = from; k < to; ++k) {
      rows.sources.push_back(groups.order[k]);
      rows.weights.push_back(1.0 / static_cast<double>(to - from));
    }
    rows.begins.push_back(static_cast<int64_t>(rows.sources.size()));
  }
}

}  // namespace

void add_clock_weights(ClockWeights& rows, std::span<const double> times, std::span<const int64_t> sources, std::span<const double> clock,
                       const ClockOptions& options) {
  const Groups groups(times, sources);
  if (options.method == ClockMethod::window_mean) return add_window_means(rows, groups, clock, options.window_seconds);
  const size_t count = groups.stamps.size();
  size_t next = 0;  // the first stamp after the tick
  for (const double tick : clock) {
    const double rounding = rounding_at(tick);
    while (next < count && groups.stamps[next] <= tick) ++next;
    const bool has_behind = next > 0, has_ahead = next < count;
    const double behind = has_behind ? tick - groups.stamps[next - 1] : HUGE_VAL, ahead = has_ahead ? groups.stamps[next] - tick : HUGE_VAL;
    const double gap = options.max_gap_seconds + rounding;
    const bool nearest = options.method == ClockMethod::nearest;
    if (has_behind && (behind <= rounding || (nearest && behind <= ahead && behind <= gap))) {
      groups.add(rows, next - 1, 1);
    } else if (has_ahead && (ahead <= rounding || (nearest && ahead <= gap))) {
      groups.add(rows, next, 1);
    } else if (!nearest && has_behind && has_ahead && behind + ahead <= gap) {
      groups.add(rows, next - 1, ahead / (behind + ahead));
      groups.add(rows, next, behind / (behind + ahead));
    }
    rows.begins.push_back(static_cast<int64_t>(rows.sources.size()));
  }
}

}  // namespace alloy::detail
