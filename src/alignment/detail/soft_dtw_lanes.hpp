// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "alignment/detail/dtw_kernels.hpp"
#include "alignment/detail/dtw_series.hpp"

namespace alloy::detail {

/// What is wanted beside the values, of one pair a lane; null: it is not.
template <class T>
struct SoftLane {
  Lane<T> x, y;
  T* grad_x = nullptr;     ///< [x.length, width], set
  T* grad_y = nullptr;     ///< [y.length, width], set
  T* alignment = nullptr;  ///< [x.length, alignment_stride], set within the band
  int64_t alignment_stride = 0;
};

/// Soft-DTW of up to L pairs at once, with what it needs for that. One thread at a time.
/// Note [Blocks of rows]: the way back needs the shares of all cells. The way there keeps its state at every k-th row only; on the
/// way back the k rows below are computed once more, with their shares: memory for k + T / k rows instead of T.
template <class T>
class SoftDtwLanes {
 public:
  SoftDtwLanes(double gamma, int64_t radius, int64_t width, const DtwKernels& kernels = dtw_kernels())
      : gamma_(gamma), options_{.radius = radius}, width_(width), kernels_(kernels.of<T>()) {}
  int64_t lanes() const { return kernels_.lanes; }

  /// @param pairs  1..L; all of them want the same
  /// @param out    [pairs] values; infinite or NaN where a cost over gamma overflows
  void run(std::span<const SoftLane<T>> pairs, T* out);

 private:
  void lay_out(std::span<const SoftLane<T>> pairs);
  void forward(std::span<const SoftLane<T>> pairs, T* out);
  void backward(std::span<const SoftLane<T>> pairs);
  /// Rows [row, end): with their shares, from the first of them on, where `weights` is given.
  void rows_forward(int64_t row, int64_t end, T* weights);
  /// The same rows back, whose shares begin with those of the row `block`.
  void rows_backward(int64_t row, int64_t end, int64_t block);
  void copy_alignment(std::span<const SoftLane<T>> pairs, int64_t block, int64_t block_end) const;
  void copy_gradients(std::span<const SoftLane<T>> pairs) const;
  /// The state of the row above: m and e.
  int64_t state_size() const { return (1 + columns_) * lanes(); }

  double gamma_;
  DtwOptions options_;
  int64_t width_, rows_ = 0, columns_ = 0, block_ = 0;
  const DtwKernelsOf<T>& kernels_;
  BandRows band_;
  LaneBuffer<T> x_, y_, m_, e_, kept_, weights_, flow_, grad_x_, grad_y_, alignment_;
};

extern template class SoftDtwLanes<float>;
extern template class SoftDtwLanes<double>;

}  // namespace alloy::detail
