// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What pooling regions by mean and by maximum share.

#include <alloy/core/tensor.hpp>

#include <algorithm>
#include <vector>

namespace alloy::detail {

/// [B, C, H, W] of a map.
struct MapSizes {
  int64_t batch, channels, height, width;
};

struct Regions {
  Tensor boxes;   ///< [N, 4], contiguous, of the dtype of the map
  Tensor images;  ///< int64 [N], contiguous
};
/// Checks all that the public functions promise to refuse.
Regions check_regions(const Tensor& features, const Tensor& boxes, const Tensor& images, double spatial_scale, std::string_view where);
/// One list of boxes an image as boxes and images.
Regions join_regions(const Tensor& features, const std::vector<Tensor>& boxes, std::string_view where);
void check_bins(int64_t height, int64_t width, double spatial_scale, std::string_view where);

/// out [columns, rows] = in [rows, columns], with distances between rows of `in` and of `out`; in tiles that stay in the cache.
template <class T>
void transpose(const T* in, int64_t in_stride, T* out, int64_t out_stride, int64_t rows, int64_t columns) {
  constexpr int64_t kTile = 16;
  for (int64_t r0 = 0; r0 < rows; r0 += kTile)
    for (int64_t c0 = 0; c0 < columns; c0 += kTile) {
      const int64_t r1 = std::min(r0 + kTile, rows), c1 = std::min(c0 + kTile, columns);
      for (int64_t c = c0; c < c1; ++c)
        for (int64_t r = r0; r < r1; ++r) out[c * out_stride + r] = in[r * in_stride + c];
    }
}

}  // namespace alloy::detail
