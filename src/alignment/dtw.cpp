// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/dtw.hpp>

#include "alignment/detail/dtw_lanes.hpp"

#include <ATen/Functions.h>

#include <algorithm>
#include <chrono>

namespace alloy {

namespace {

using detail::BandRows;

enum Step : uint8_t { kAcross, kUp, kLeft, kBegin };  // where a cell's least sum comes from

void check_finite(double distance, std::string_view where) {
  check<DataError>(std::isfinite(distance), "[{}] expected a sum within the range of the dtype, got infinity; float64 or values scaled down will do",
                   {where});
}

/// Tells now and then how far it is.
class RowReports {
 public:
  RowReports(const DtwCallbacks& callbacks, int64_t rows) : callbacks_(callbacks), rows_(rows) {}
  void operator()(int64_t row) {
    if (row % 256 != 0 && row != rows_) return;
    callbacks_.cancel.check("dtw");
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    if (callbacks_.progress) callbacks_.progress({.stage = "dtw", .done = row, .total = rows_, .seconds = seconds});
  }

 private:
  const DtwCallbacks& callbacks_;
  int64_t rows_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

/// The table row by row, of which two rows of sums and all steps are kept.
template <class T>
class PathTable {
 public:
  PathTable(const detail::SeriesSet& x, const detail::SeriesSet& y, const DtwOptions& options, BandRows band)
      : x_(x.values<T>(0)),
        y_(y.values<T>(0)),
        width_(x.width()),
        columns_(y.length(0)),
        options_(options),
        band_(std::move(band)),
        steps_(std::make_unique_for_overwrite<Step[]>(static_cast<size_t>(band_.cells()))) {
    for (size_t i = 0; i < band_.first.size(); ++i) starts_.push_back(i == 0 ? 0 : starts_[i - 1] + band_.last[i - 1] - band_.first[i - 1] + 1);
  }

  void fill(RowReports report) {
    above_.assign(static_cast<size_t>(columns_), kNone), row_ = above_;
    for (size_t i = 0; i < band_.first.size(); ++i) {
      report(static_cast<int64_t>(i));
      options_.cost == DtwCost::squared_euclidean ? fill_row<true>(i) : fill_row<false>(i);
      std::swap(above_, row_);
    }
    report(std::ssize(band_.first));
  }

  /// After `fill`.
  DtwResult result() const {
    auto i = std::ssize(band_.first) - 1;
    int64_t j = columns_ - 1;
    if (detail::opens_end(options_.ends))
      j = std::min_element(above_.begin() + band_.first.back(), above_.begin() + band_.last.back() + 1) - above_.begin();
    const auto least = static_cast<double>(above_[static_cast<size_t>(j)]);
    check_finite(least, "dtw");
    std::vector<int64_t> back;  // i and j in turn, from the end
    for (bool more = true; more;) {
      back.insert(back.end(), {j, i});
      const auto row = static_cast<size_t>(i);
      switch (steps_[static_cast<size_t>(starts_[row] + j - band_.first[row])]) {
        case kAcross:
          --i, --j;
          break;
        case kUp:
          --i;
          break;
        case kLeft:
          --j;
          break;
        case kBegin:
          more = false;
          break;
      }
    }
    return {.distance = options_.cost == DtwCost::squared_euclidean ? std::sqrt(least) : least,
            .path = at::tensor(at::ArrayRef<int64_t>(back), at::kLong).flip(0).view({-1, 2}).contiguous()};
  }

 private:
  static constexpr T kNone = std::numeric_limits<T>::infinity();

  template <bool kSquared>
  T cost(size_t i, int64_t j) const {
    const T *x = x_ + static_cast<int64_t>(i) * width_, *y = y_ + j * width_;
    if (width_ == 1) return kSquared ? (*x - *y) * (*x - *y) : std::abs(*x - *y);
    T sum = 0;
    for (int64_t d = 0; d < width_; ++d) sum += (x[d] - y[d]) * (x[d] - y[d]);
    return kSquared ? sum : std::sqrt(sum);
  }

  template <bool kSquared>
  void fill_row(size_t i) {
    const int64_t first = band_.first[i], last = band_.last[i];
    const int64_t above_first = i == 0 ? 0 : band_.first[i - 1], above_last = i == 0 ? -1 : band_.last[i - 1];
    const auto above = [&](int64_t j) { return above_first <= j && j <= above_last ? above_[static_cast<size_t>(j)] : kNone; };
    Step* steps = steps_.get() + starts_[i];
    T left = kNone, corner = above(first - 1);
    for (int64_t j = first; j <= last; ++j) {
      const T up = above(j);
      T least = corner;
      Step step = kAcross;
      if (i == 0 && (j == 0 || detail::opens_begin(options_.ends))) least = 0, step = kBegin;
      if (up < least) least = up, step = kUp;
      if (left < least) least = left, step = kLeft;
      *steps++ = step;
      row_[static_cast<size_t>(j)] = left = least + cost<kSquared>(i, j);
      corner = up;
    }
  }

  const T *x_, *y_;
  int64_t width_, columns_;
  const DtwOptions& options_;
  BandRows band_;
  std::vector<int64_t> starts_;  // of the rows in steps_
  std::unique_ptr<Step[]> steps_;
  std::vector<T> above_, row_;
};

void check_path_memory(const DtwOptions& options, const BandRows& band) {
  const double mb = static_cast<double>(band.cells()) / 1e6;
  check<ConfigError>(mb <= static_cast<double>(options.max_path_mb),
                     "[dtw] expected a path within max_path_mb {}, got a table of {} MB; set a radius, or use dtw_distance, which keeps a row alone",
                     {options.max_path_mb, std::ceil(mb)});
}

}  // namespace

DtwResult dtw(const Tensor& x, const Tensor& y, const DtwOptions& options, const DtwCallbacks& callbacks) {
  options.validate();
  const detail::SeriesSet a({x}, "dtw", "x"), b({y}, "dtw", "y");
  a.check_fits(b, "dtw");
  detail::check_band(options, a.length(0), b.length(0), "dtw");
  BandRows band = detail::band_rows(options, a.length(0), b.length(0));
  check_path_memory(options, band);
  return detail::with_type(a.dtype(), [&](auto type) {
    PathTable<decltype(type)> table(a, b, options, std::move(band));
    table.fill(RowReports(callbacks, a.length(0)));
    return table.result();
  });
}

double dtw_distance(const Tensor& x, const Tensor& y, const DtwOptions& options, const DtwCallbacks& callbacks) {
  options.validate();
  const detail::SeriesSet a({x}, "dtw_distance", "x"), b({y}, "dtw_distance", "y");
  a.check_fits(b, "dtw_distance");
  detail::check_band(options, a.length(0), b.length(0), "dtw_distance");
  const double distance = detail::with_type(a.dtype(), [&](auto type) -> double {
    using T = decltype(type);
    const detail::Lane<T> lane_x{a.values<T>(0), a.length(0)}, lane_y{b.values<T>(0), b.length(0)};
    T out = 0;
    detail::DtwLanes<T>(options, a.width()).run({&lane_x, 1}, {&lane_y, 1}, -1, &out, RowReports(callbacks, a.length(0)));
    return out;
  });
  check_finite(distance, "dtw_distance");
  return distance;
}

}  // namespace alloy
