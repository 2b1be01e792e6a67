// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/dtw_matrix.hpp>

#include "alignment/detail/dtw_lanes.hpp"

#include <alloy/core/jobs.hpp>
#include <alloy/core/threads.hpp>

#include <ATen/Functions.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <numeric>

namespace alloy {

namespace {

using detail::Lane;
using detail::SeriesSet;

using Pair = std::pair<int64_t, int64_t>;  // places in x and y

/// Which pairs are computed side by side. Note [Lanes]: full groups of y of like length meet one x after the other, so that y is laid out
/// once for many x. What is left (the y that fill no group, and within a set the pairs inside of a group) goes side by side in any
/// mixture. Where bands depend on the lengths (Itakura), only pairs of the same lengths share vectors.
class Plan {
 public:
  /// @param within  y is x: each pair once
  Plan(const SeriesSet& x, const SeriesSet& y, bool within, bool same_lengths, int64_t lanes)
      : x_(x), y_(y), same_lengths_(same_lengths), lanes_(lanes) {
    const auto by_length = [](const SeriesSet& s) {
      std::vector<int64_t> order(static_cast<size_t>(s.count()));
      std::iota(order.begin(), order.end(), int64_t{0});
      std::ranges::stable_sort(order, {}, [&](int64_t n) { return s.length(n); });
      return order;
    };
    x_order_ = by_length(x), y_order_ = by_length(y);
    for (int64_t q = 0; q < y.count();) {
      const int64_t end = group_end(q);
      const int64_t whole = end - q == lanes ? (within ? q : x.count()) : 0;  // x that meet all of the group
      if (whole > 0) add_group(q, whole);
      for (int64_t p = whole; p < (within ? end - 1 : x.count()); ++p)
        for (int64_t k = within ? std::max(q, p + 1) : q; k < end; ++k) mixed_.emplace_back(x_at(p), y_at(k));
      q = end;
    }
    const auto lengths = [&](const Pair& pair) { return std::pair(x_.length(pair.first), y_.length(pair.second)); };
    std::ranges::stable_sort(mixed_, {}, lengths);
    for (size_t i = 0; i < mixed_.size();) {
      size_t end = i + 1;
      while (end < mixed_.size() && end - i < static_cast<size_t>(lanes) && !(same_lengths && lengths(mixed_[end]) != lengths(mixed_[i]))) ++end;
      mixtures_.emplace_back(i, end);
      i = end;
    }
    jobs_ = std::ssize(groups_) + (std::ssize(mixtures_) + kMixturesAJob - 1) / kMixturesAJob;
  }

  int64_t jobs() const { return jobs_; }

  /// Calls `run(pairs, y_key)` for some of the pairs, up to `lanes` at a time, those of one job one after the other.
  template <class Run>
  void visit(int64_t job, const Run& run) const {
    if (job < std::ssize(groups_)) {
      const Group& group = groups_[static_cast<size_t>(job)];
      std::vector<Pair> pairs;
      for (int64_t p = group.x_begin; p < group.x_end; ++p) {
        pairs.clear();
        for (int64_t l = 0; l < lanes_; ++l) pairs.emplace_back(x_at(p), y_at(group.y_begin + l));
        run(std::span<const Pair>(pairs), group.y_begin);
      }
      return;
    }
    const auto begin = static_cast<size_t>((job - std::ssize(groups_)) * kMixturesAJob);
    for (size_t i = begin; i < std::min(begin + kMixturesAJob, mixtures_.size()); ++i)
      run(std::span(mixed_).subspan(mixtures_[i].first, mixtures_[i].second - mixtures_[i].first), int64_t{-1});
  }

 private:
  static constexpr int64_t kMixturesAJob = 16;
  struct Group {
    int64_t y_begin, x_begin, x_end;
  };
  int64_t x_at(int64_t p) const { return x_order_[static_cast<size_t>(p)]; }
  int64_t y_at(int64_t q) const { return y_order_[static_cast<size_t>(q)]; }
  int64_t group_end(int64_t q) const {
    int64_t end = q + 1;
    while (end < y_.count() && end - q < lanes_ && !(same_lengths_ && y_.length(y_at(end)) != y_.length(y_at(q)))) ++end;
    return end;
  }
  /// In jobs of some 10^8 pairs of steps, so that there is something to report and to stop between.
  void add_group(int64_t q, int64_t whole) {
    const int64_t columns = y_.length(y_at(q + lanes_ - 1));
    for (int64_t begin = 0; begin < whole;) {
      double cells = 0;
      int64_t end = begin;
      while (end < whole && (end == begin || cells < 3e8))
        cells += static_cast<double>(x_.length(x_at(end++))) * static_cast<double>(columns * lanes_);
      groups_.push_back({q, begin, end});
      begin = end;
    }
  }

  const SeriesSet &x_, &y_;
  bool same_lengths_;
  int64_t lanes_, jobs_ = 0;
  std::vector<int64_t> x_order_, y_order_;
  std::vector<Group> groups_;
  std::vector<Pair> mixed_;
  std::vector<std::pair<size_t, size_t>> mixtures_;
};

void check_bands(const SeriesSet& x, const SeriesSet& y, const DtwOptions& options, std::string_view where) {
  const auto lengths = [](const SeriesSet& s) {
    std::vector<int64_t> all;
    for (int64_t n = 0; n < s.count(); ++n) all.push_back(s.length(n));
    std::ranges::sort(all);
    all.erase(std::ranges::unique(all).begin(), all.end());
    return all;
  };
  const std::vector<int64_t> rows = lengths(x), columns = lengths(y);
  if (options.radius >= 0) {  // the worst pairs first, for a message that names what all need
    detail::check_band(options, rows.back(), columns.front(), where);
    detail::check_band(options, rows.front(), columns.back(), where);
  } else if (options.max_slope > 0) {
    for (const int64_t r : rows)
      for (const int64_t c : columns) detail::check_band(options, r, c, where);
  }
}

/// On as many threads as tensor operations use.
void run_all(int64_t jobs, const std::function<void(int64_t)>& job, const DtwCallbacks& callbacks, std::string_view stage) {
  const auto begin = std::chrono::steady_clock::now();
  const auto report = [&](int64_t done) {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (callbacks.progress) callbacks.progress({.stage = std::string(stage), .done = done, .total = jobs, .seconds = seconds});
  };
  const int64_t workers = at::in_parallel_region() ? 1 : threads();
  if (workers > 1 && jobs > 1) return run_jobs(jobs, workers, job, report);
  for (int64_t i = 0; i < jobs; ++i) {
    job(i);
    report(i + 1);
  }
}

Tensor distances(const SeriesSet& x, const SeriesSet& y, bool within, const DtwOptions& options, const DtwCallbacks& callbacks,
                 std::string_view where) {
  check_bands(x, y, options, where);
  const Tensor out = at::zeros({x.count(), y.count()}, x.dtype());
  detail::with_type(x.dtype(), [&](auto type) {
    using T = decltype(type);
    const Plan plan(x, y, within, options.max_slope > 0, detail::dtw_kernels().of<T>().lanes);
    T* values = out.mutable_data_ptr<T>();
    const auto job = [&](int64_t i) {
      detail::DtwLanes<T> lanes(options, x.width());
      std::vector<Lane<T>> xs, ys;
      std::vector<T> found(static_cast<size_t>(lanes.lanes()));
      plan.visit(i, [&](std::span<const Pair> pairs, int64_t y_key) {
        xs.clear(), ys.clear();
        for (const auto& [p, q] : pairs) xs.push_back({x.values<T>(p), x.length(p)}), ys.push_back({y.values<T>(q), y.length(q)});
        lanes.run(xs, ys, y_key, found.data(), [&](int64_t) { callbacks.cancel.check(std::string(where)); });
        for (size_t k = 0; k < pairs.size(); ++k) {
          values[pairs[k].first * y.count() + pairs[k].second] = found[k];
          if (within) values[pairs[k].second * y.count() + pairs[k].first] = found[k];
        }
      });
    };
    run_all(plan.jobs(), job, callbacks, where);
  });
  const Tensor bad = out.isfinite().logical_not();
  if (bad.any().item<bool>()) {
    const Tensor place = bad.nonzero()[0];
    fail<DataError>("[{}] expected sums within the range of the dtype, got infinity for series {} and {}; float64 or values scaled down will do",
                    {where, place[0].item<int64_t>(), place[1].item<int64_t>()});
  }
  return out;
}

}  // namespace

Tensor dtw_distance_matrix(const std::vector<Tensor>& series, const DtwOptions& options, const DtwCallbacks& callbacks) {
  options.validate();
  const SeriesSet all(series, "dtw_distance_matrix", "series");
  return distances(all, all, options.ends == DtwEnds::closed, options, callbacks, "dtw_distance_matrix");
}

Tensor dtw_distances_between(const std::vector<Tensor>& xs, const std::vector<Tensor>& ys, const DtwOptions& options, const DtwCallbacks& callbacks) {
  options.validate();
  const SeriesSet x(xs, "dtw_distances_between", "series"), y(ys, "dtw_distances_between", "series");
  x.check_fits(y, "dtw_distances_between");
  return distances(x, y, false, options, callbacks, "dtw_distances_between");
}

}  // namespace alloy
