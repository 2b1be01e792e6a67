// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "alignment/detail/dtw_kernels.hpp"
#include "alignment/detail/dtw_series.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace alloy::detail {

/// DTW of up to L pairs at once, with what it needs for that. One thread at a time.
template <class T>
class DtwLanes {
 public:
  DtwLanes(const DtwOptions& options, int64_t width, const DtwKernels& kernels = dtw_kernels())
      : options_(options), width_(width), kernels_(kernels.of<T>()) {}
  int64_t lanes() const { return kernels_.lanes; }

  /// @param y_key  the same as in the call before: these are the same series y, and as many; -1: they are not
  /// @param out    [pairs] distances; infinite where a sum overflows
  /// @param report called with the rows done, now and then; may throw to stop
  void run(std::span<const Lane<T>> x, std::span<const Lane<T>> y, int64_t y_key, T* out, const std::function<void(int64_t)>& report) {
    const auto longest = [](std::span<const Lane<T>> some) { return std::ranges::max(some, {}, &Lane<T>::length).length; };
    const int64_t rows = longest(x), columns = longest(y), num = lanes();
    interleave<T>(filled(x), width_, rows, x_.resize(rows * width_ * num));
    if (y_key < 0 || y_key != y_key_) interleave<T>(filled(y), width_, columns, y_.resize(columns * width_ * num));
    y_key_ = y_key;
    if (rows != rows_ || columns != columns_) band_ = band_rows(options_, rows, columns);
    rows_ = rows, columns_ = columns;
    T* above = above_.resize((1 + columns) * num);
    const int64_t begins = opens_begin(options_.ends) ? 2 + band_.last[0] : 1;
    std::fill_n(above, begins * num, T(0));
    std::fill_n(above + begins * num, (1 + columns - begins) * num, std::numeric_limits<T>::infinity());
    for (int64_t row = 0; row < rows;) {
      report(row);
      int64_t next = std::min(rows, row + kRowsAReport);  // up to where the next pair ends
      for (const Lane<T>& lane : x)
        if (lane.length > row) next = std::min(next, lane.length);
      const DtwRows<T> part{x_.get() + row * width_ * num, y_.get(), above, band_.first.data() + row, band_.last.data() + row, next - row, width_};
      options_.cost == DtwCost::squared_euclidean ? kernels_.squared(part) : kernels_.euclidean(part);
      row = next;
      for (size_t l = 0; l < x.size(); ++l)
        if (x[l].length == row) out[l] = distance(static_cast<int64_t>(l), row - 1, y[l].length);
    }
    report(rows);
  }

 private:
  static constexpr int64_t kRowsAReport = 1024;
  /// As many as there are lanes, the first one again in those that are free.
  std::span<const Lane<T>> filled(std::span<const Lane<T>> some) {
    filled_.assign(some.begin(), some.end());
    filled_.resize(static_cast<size_t>(lanes()), some[0]);
    return filled_;
  }
  T distance(int64_t lane, int64_t row, int64_t columns) const {
    const T* sums = above_.get() + lanes() + lane;
    T least = sums[(columns - 1) * lanes()];
    if (opens_end(options_.ends))
      for (int64_t j = band_.first[static_cast<size_t>(row)]; j < std::min(columns, band_.last[static_cast<size_t>(row)] + 1); ++j)
        least = std::min(least, sums[j * lanes()]);
    return options_.cost == DtwCost::squared_euclidean ? std::sqrt(least) : least;
  }

  DtwOptions options_;
  int64_t width_, y_key_ = -1, rows_ = -1, columns_ = -1;
  const DtwKernelsOf<T>& kernels_;
  LaneBuffer<T> x_, y_, above_;
  BandRows band_;
  std::vector<Lane<T>> filled_;
};

/// Calls `f(T{})` with the C++ type of a dtype that is float32 or float64.
template <class F>
auto with_type(at::ScalarType dtype, const F& f) {
  return dtype == at::kDouble ? f(double{}) : f(float{});
}

}  // namespace alloy::detail
