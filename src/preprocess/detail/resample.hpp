// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The weights with which one side of an image is scaled, in the fixed point of Pillow.

#include <alloy/preprocess/image.hpp>

namespace alloy::detail {

inline constexpr int kWeightBits = 32 - 8 - 2;  // 8 bits a pixel, 2 for sums above 255 and below 0

/// Output pixel i (counted from the first one asked for) is the sum over k < counts[i] of
/// weights[i * stride + k] * input[starts[i] + k].
struct ResampleWeights {
  int64_t stride = 0;
  std::vector<int64_t> starts, counts;
  std::vector<int32_t> weights;
};

/// A piece of one side: `count` pixels from `first` on.
struct Range {
  int64_t first = 0, count = 0;
};

/// For the pixels `piece` of a side of `from` pixels scaled to `to`.
ResampleWeights resample_weights(int64_t from, int64_t to, Range piece, Interpolation filter);

/// The part `rows` x `columns` of `image` (uint8 [H, W, C], contiguous) scaled to `size`.
Tensor resample(const Tensor& image, ImageSize size, Range rows, Range columns, Interpolation filter);

}  // namespace alloy::detail
