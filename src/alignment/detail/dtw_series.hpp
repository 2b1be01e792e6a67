// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What the functions on series share: checked inputs, bands, and series laid side by side for the kernels.

#include <alloy/alignment/dtw.hpp>

#include <algorithm>
#include <memory>
#include <new>
#include <span>
#include <vector>

namespace alloy::detail {

/// Checked: one dtype and width, finite, contiguous, without gradients.
class SeriesSet {
 public:
  /// @param name  of a series in messages: "x", or "series" with its place behind
  SeriesSet(const std::vector<Tensor>& series, std::string_view where, std::string_view name);
  int64_t count() const { return std::ssize(series_); }
  int64_t width() const { return width_; }
  int64_t length(int64_t n) const { return series_[static_cast<size_t>(n)].size(0); }
  at::ScalarType dtype() const { return series_[0].scalar_type(); }
  template <class T>
  const T* values(int64_t n) const {
    return series_[static_cast<size_t>(n)].const_data_ptr<T>();
  }
  void check_fits(const SeriesSet& other, std::string_view where) const;

 private:
  std::vector<Tensor> series_;
  int64_t width_ = 1;
};

/// Columns of the table within the band, for each row; both never fall.
struct BandRows {
  std::vector<int64_t> first, last;  ///< both within
  int64_t cells() const;
};
BandRows band_rows(const DtwOptions& options, int64_t rows, int64_t columns);
/// @throws ConfigError if no path from begin to end stays within the band
void check_band(const DtwOptions& options, int64_t rows, int64_t columns, std::string_view where);

inline bool opens_begin(DtwEnds ends) { return ends == DtwEnds::open_begin || ends == DtwEnds::open; }
inline bool opens_end(DtwEnds ends) { return ends == DtwEnds::open_end || ends == DtwEnds::open; }

/// Memory for vectors, which does not read or write what it does not have to.
template <class T>
class LaneBuffer {
 public:
  /// At least that many, with any content.
  T* resize(int64_t count) {
    if (count > count_) values_.reset(static_cast<T*>(::operator new(static_cast<size_t>(count) * sizeof(T), kAlign))), count_ = count;
    return values_.get();
  }
  T* get() const { return values_.get(); }

 private:
  static constexpr std::align_val_t kAlign{64};
  struct Free {
    void operator()(T* values) const { ::operator delete(values, kAlign); }
  };
  std::unique_ptr<T, Free> values_;
  int64_t count_ = 0;
};

template <class T>
struct Lane {
  const T* values;  ///< [length, width]
  int64_t length;
};

/// [steps, width, lanes], each padded by its own last step, whose costs are as large as real ones are.
template <class T>
void interleave(std::span<const Lane<T>> lanes, int64_t width, int64_t steps, T* out) {
  constexpr int64_t kBlock = 16;  // steps, so that the lines which are written stay in the nearest cache
  const int64_t num = std::ssize(lanes);
  for (int64_t begin = 0; begin < steps; begin += kBlock) {
    const int64_t end = std::min(begin + kBlock, steps);
    for (int64_t l = 0; l < num; ++l) {
      const Lane<T> lane = lanes[static_cast<size_t>(l)];
      const int64_t real = std::clamp(lane.length, begin, end);
      for (int64_t k = begin * width; k < real * width; ++k) out[k * num + l] = lane.values[k];
      for (int64_t k = real * width; k < end * width; ++k) out[k * num + l] = lane.values[(lane.length - 1) * width + k % width];
    }
  }
}

}  // namespace alloy::detail
