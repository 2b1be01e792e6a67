// SPDX-License-Identifier: Apache-2.0
#include "preprocess/detail/resample.hpp"

#include <ATen/Parallel.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace alloy::detail {

namespace {

double sinc(double x) { return x == 0.0 ? 1.0 : std::sin(x * std::numbers::pi) / (x * std::numbers::pi); }

double filter_value(Interpolation filter, double x) {
  switch (filter) {
    case Interpolation::box: return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
    case Interpolation::bilinear: return std::max(0.0, 1.0 - std::abs(x));
    case Interpolation::bicubic: {  // Keys 1981, eq. 15 has a = -0.5
      constexpr double a = -0.5;
      x = std::abs(x);
      if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
      return x < 2.0 ? (((x - 5) * x + 8) * x - 4) * a : 0.0;
    }
    case Interpolation::lanczos: return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0;
  }
  return 0.0;
}

double filter_support(Interpolation filter) {
  switch (filter) {
    case Interpolation::box: return 0.5;
    case Interpolation::bilinear: return 1.0;
    case Interpolation::bicubic: return 2.0;
    case Interpolation::lanczos: return 3.0;
  }
  return 0.0;
}

uint8_t rounded(int32_t sum) {  // right shift of a negative number keeps its sign in C++20
  return static_cast<uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}
constexpr int32_t kHalf = 1 << (kWeightBits - 1);

template <int C>
void scale_row(const uint8_t* in, uint8_t* out, const ResampleWeights& w) {
  for (size_t i = 0; i < w.starts.size(); ++i) {
    const uint8_t* pixel = in + w.starts[i] * C;
    const int32_t* weight = w.weights.data() + static_cast<int64_t>(i) * w.stride;
    int32_t sum[C];
    std::fill_n(sum, C, kHalf);
    for (int64_t k = 0; k < w.counts[i]; ++k, pixel += C)
      for (int c = 0; c < C; ++c) sum[c] += pixel[c] * weight[k];
    for (int c = 0; c < C; ++c) *out++ = rounded(sum[c]);
  }
}

}  // namespace

ResampleWeights resample_weights(int64_t from, int64_t to, Range piece, Interpolation filter) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double widening = std::max(scale, 1.0);  // a reduction must blur over all it leaves out
  const double support = filter_support(filter) * widening;
  ResampleWeights result;
  result.stride = std::min(static_cast<int64_t>(std::ceil(support)) * 2 + 1, from);
  result.weights.assign(static_cast<size_t>(piece.count * result.stride), 0);
  std::vector<double> exact(static_cast<size_t>(result.stride));
  for (int64_t i = 0; i < piece.count; ++i) {
    const double center = (static_cast<double>(piece.first + i) + 0.5) * scale;
    const auto start = std::max(static_cast<int64_t>(center - support + 0.5), int64_t{0});
    const auto end = std::min(static_cast<int64_t>(center + support + 0.5), from);
    const auto count = static_cast<size_t>(end - start);
    double total = 0;
    const double narrowing = 1.0 / widening;
    for (size_t k = 0; k < count; ++k)
      total += exact[k] = filter_value(filter, (static_cast<double>(static_cast<int64_t>(k) + start) - center + 0.5) * narrowing);
    for (size_t k = 0; k < count; ++k) {
      const double share = total != 0.0 ? exact[k] / total : exact[k];
      result.weights[static_cast<size_t>(i * result.stride) + k] =
          static_cast<int32_t>(share * (1 << kWeightBits) + (share < 0 ? -0.5 : 0.5));
    }
    result.starts.push_back(start);
    result.counts.push_back(end - start);
  }
  return result;
}

Tensor resample(const Tensor& image, ImageSize size, Range rows, Range columns, Interpolation filter) {
  const int64_t height = image.size(0), width = image.size(1), channels = image.size(2);
  const bool horizontal = width != size.width, vertical = height != size.height;  // Pillow leaves out a pass of no effect
  const ResampleWeights down = resample_weights(height, size.height, rows, filter);

  // The rows that the vertical pass reads.
  const int64_t top = vertical ? down.starts.front() : rows.first;
  const int64_t bottom = vertical ? down.starts.back() + down.counts.back() : rows.first + rows.count;
  Tensor middle = image.slice(0, top, bottom);  // [h, W, C]
  if (horizontal) {
    const ResampleWeights across = resample_weights(width, size.width, columns, filter);
    Tensor scaled = torch::empty({bottom - top, columns.count, channels}, torch::kByte);
    const uint8_t* in = middle.const_data_ptr<uint8_t>();
    uint8_t* out = scaled.data_ptr<uint8_t>();
    at::parallel_for(0, bottom - top, 16, [&](int64_t first, int64_t last) {
      for (int64_t y = first; y < last; ++y)
        (channels == 1 ? scale_row<1> : scale_row<3>)(in + y * width * channels, out + y * columns.count * channels, across);
    });
    middle = scaled;
  } else {
    middle = middle.slice(1, columns.first, columns.first + columns.count).contiguous();
  }
  if (!vertical) return middle.clone();

  const int64_t row = columns.count * channels;
  Tensor result = torch::empty({rows.count, columns.count, channels}, torch::kByte);
  const uint8_t* in = middle.const_data_ptr<uint8_t>();
  uint8_t* out = result.data_ptr<uint8_t>();
  at::parallel_for(0, rows.count, 16, [&](int64_t first, int64_t last) {
    std::vector<int32_t> sums(static_cast<size_t>(row));
    for (int64_t y = first; y < last; ++y) {
      std::ranges::fill(sums, kHalf);
      for (int64_t k = 0; k < down.counts[static_cast<size_t>(y)]; ++k) {
        const uint8_t* pixel = in + (down.starts[static_cast<size_t>(y)] - top + k) * row;
        const int32_t weight = down.weights[static_cast<size_t>(y * down.stride + k)];
        for (int64_t x = 0; x < row; ++x) sums[static_cast<size_t>(x)] += pixel[x] * weight;
      }
      std::ranges::transform(sums, out + y * row, rounded);
    }
  });
  return result;
}

}  // namespace alloy::detail
