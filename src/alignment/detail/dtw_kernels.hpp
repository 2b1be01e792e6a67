// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The rows of tables of alignments of pairs of series, a pair a lane, compiled for AVX-512, AVX2 and any machine. Lanes have the
/// same rows and columns: shorter series are padded at their ends, where nothing that lies before depends on them.

#include <cstdint>

namespace alloy::detail {

/// Some rows of such tables; arrays of L lanes. "The row above" is row -1 before the first call, which the caller sets; each call
/// leaves its last row there for the next.
template <class T>
struct DtwRows {
  const T* x;            ///< [rows, width, L], those of this call
  const T* y;            ///< [columns, width, L]
  T* above;              ///< [1 + columns, L]: least sums of the row above; entry 0 is what a path begins from
  const int64_t* first;  ///< [rows] columns of the band, both ends within it, neither ever falling
  const int64_t* last;
  int64_t rows, width;
};

/// Soft minima need sums of exp(-R / gamma), which are m 2^e, 1 <= m < 2, of any size.
template <class T>
struct SoftDtwRows {
  DtwRows<T> rows;    ///< `above` holds m
  T* above_exponent;  ///< [1 + columns, L]: e, an integer; kUnreachable where no path leads
  T per_cost;         ///< -log2(e) / gamma
  T* weights;         ///< [rows, columns, 3, L] or null: share of the cell above, to the left and across in the soft minimum
  int64_t columns;
};
template <class T>
inline constexpr T kUnreachable = T(-1e30);

/// From the last row up: how much each cell weighs in the result, and its part in the gradient.
template <class T>
struct SoftDtwBack {
  const T* x;        ///< [rows, width, L], those of this call
  const T* y;        ///< [columns, width, L]
  const T* weights;  ///< [rows, columns, 3, L] as above
  T* flow;  ///< [1 + columns, L]: what reaches the cells of the last of these rows from outside of it; then those of the row above; entry 0 is column
            ///< -1
  const int64_t* first;  ///< [rows]
  const int64_t* last;
  T* grad_x;     ///< [rows, width, L], added to; null: no gradients
  T* grad_y;     ///< [columns, width, L], added to
  T* alignment;  ///< [rows, columns, L] or null: set within the band
  int64_t rows, columns, width;
};

template <class T>
struct DtwKernelsOf {
  int64_t lanes;
  void (*squared)(const DtwRows<T>&);    ///< cost of a cell: squared Euclidean distance
  void (*euclidean)(const DtwRows<T>&);  ///< its root
  void (*soft)(const SoftDtwRows<T>&);   ///< squared
  void (*soft_back)(const SoftDtwBack<T>&);
};

struct DtwKernels {
  const char* name;
  DtwKernelsOf<float> of_float;
  DtwKernelsOf<double> of_double;
  template <class T>
  const DtwKernelsOf<T>& of() const {
    if constexpr (sizeof(T) == sizeof(float)) return of_float;
    else return of_double;
  }
};

extern const DtwKernels kDtwKernelsBaseline;
#if defined(__x86_64__)
extern const DtwKernels kDtwKernelsAvx2, kDtwKernelsAvx512;
#endif

/// The fastest that this machine runs.
const DtwKernels& dtw_kernels();

}  // namespace alloy::detail
